"""What a bundle has to know of each device module: its tree, its globals, what it imports and what its texts name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from nameplate.factory.sources import PACKAGES


@dataclass(frozen=True)
class Module:
    """One device module. `imports`: our modules that it imports anywhere, in the order of its lines; `at_once` when it is
    loaded, `later` inside a function."""

    name: str
    tree: ast.Module
    own: frozenset[str]
    imports: tuple[str, ...]
    at_once: frozenset[str]
    later: frozenset[str]
    texts: frozenset[str]


def read_modules(sources: Mapping[PurePath, bytes]) -> dict[str, Module]:
    """The modules by their dotted names. Empty ones (a package's own file) are not needed on the device."""
    trees = {
        ".".join(path.with_suffix("").parts): ast.parse(source)
        for path, source in sources.items()
        if path.name != "__init__.py"
    }
    return {name: _read(name, tree, set(trees)) for name, tree in trees.items()}


def _read(name: str, tree: ast.Module, known: set[str]) -> Module:
    imports = _imports(tree, known)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return Module(
        name,
        tree,
        frozenset(bound(tree.body)),
        tuple(dict.fromkeys(target for _, target in imports)),
        frozenset(target for node, target in imports if id(node) not in inside),
        frozenset(target for node, target in imports if id(node) in inside),
        frozenset(texts),
    )


def _imports(tree: ast.Module, known: set[str]) -> list[tuple[ast.ImportFrom, str]]:
    found: list[tuple[ast.ImportFrom, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            targets = (imported(node, alias, known)[0] for alias in node.names)
            found.extend((node, target) for target in targets if target)
    return sorted(found, key=lambda pair: pair[0].lineno)


def imported(node: ast.ImportFrom, alias: ast.alias, known: set[str]) -> tuple[str | None, str | None]:
    """(our module, None) for `from firmware import clock`, (our module, name) for `from firmware.clock import Clock`,
    (None, None) for what is not ours."""
    source = node.module or ""
    if source.split(".")[0] not in PACKAGES:
        return None, None
    if f"{source}.{alias.name}" in known:
        return f"{source}.{alias.name}", None
    return source, alias.name


def bound(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements bind in their own scope, imports of our modules left out."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Import):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            if (statement.module or "").split(".")[0] not in PACKAGES:
                yield from (alias.asname or alias.name for alias in statement.names)
        else:
            yield from stored(statement)
            for _, value in ast.iter_fields(statement):
                if isinstance(value, list):
                    yield from bound([item for item in value if isinstance(item, ast.stmt)])
                    for handler in value:
                        if isinstance(handler, ast.ExceptHandler):
                            yield from bound(handler.body)
                            if handler.name:
                                yield handler.name


def stored(statement: ast.stmt) -> Iterator[str]:
    """Names that the expressions of one statement assign, but for those inside a comprehension."""
    pending: list[ast.AST] = [
        node for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.stmt | ast.ExceptHandler)
    ]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        pending.extend(ast.iter_child_nodes(node))
