"""What a bundle has to know of each device module: its tree, its globals, what it imports and what its texts name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from nameplate.factory.bundle_rules import LOOKED_UP, check, looks_up
from nameplate.factory.bundle_scopes import Function, Scope, nodes_of, scope_of
from nameplate.factory.refused import Refused
from nameplate.factory.sources import PACKAGES


@dataclass(frozen=True)
class Module:
    """One device module. `imports`: our modules that it imports anywhere, in the order of its lines; `at_once` when it is
    loaded, `later` inside a function. `top`: what its own level binds; `own`: those of them that are no imports of ours.
    `texts`: its text constants. `changing`: its globals that a function of its own sets."""

    name: str
    source: bytes
    tree: ast.Module
    top: Scope
    imports: tuple[str, ...]
    at_once: frozenset[str]
    later: frozenset[str]
    texts: frozenset[str]
    changing: frozenset[str]

    @property
    def own(self) -> set[str]:
        return self.top.names


def read_modules(sources: Mapping[PurePath, bytes]) -> dict[str, Module]:
    """The modules by their dotted names. A package's own file must be empty: it is not needed on the device.

    Raises Refused where a module does what cannot be joined.
    """
    found: dict[str, tuple[bytes, ast.Module]] = {}
    for path, source in sources.items():
        tree = ast.parse(source)
        if path.name == "__init__.py":
            if tree.body:
                raise Refused(
                    f"{path.as_posix()} is not empty", "a package has no code: put it into a module"
                )
            continue
        found[".".join(path.with_suffix("").parts)] = source, tree
    modules = {name: _read(name, source, tree, set(found)) for name, (source, tree) in found.items()}
    for module in modules.values():
        _check_looked_up(module, modules)
    return modules


def _check_looked_up(module: Module, modules: Mapping[str, Module]) -> None:
    call = looks_up(nodes_of(module.tree))
    near = (module, *(modules[name] for name in module.imports))
    if call is not None and not any(LOOKED_UP in other.own for other in near):
        raise Refused(
            f"{place(module.name, call)}: a name is looked up that does not stand here",
            f"name all that it may be in a tuple {LOOKED_UP} of this module, or of one that it imports",
        )


def _read(name: str, source: bytes, tree: ast.Module, known: set[str]) -> Module:
    nodes = nodes_of(tree)
    changing = {one for node in nodes if isinstance(node, ast.Global) for one in node.names}
    top = scope_of(tree.body)
    top.names |= changing
    inside = {
        id(node)
        for function in nodes
        if isinstance(function, Function)
        for node in nodes_of(function)
        if isinstance(node, ast.ImportFrom)
    }
    imports = sorted(_imports(name, nodes, known), key=lambda pair: pair[0].lineno)
    at_once = frozenset(target for node, target in imports if id(node) not in inside)
    later = frozenset(target for node, target in imports if id(node) in inside)
    check(name, tree, nodes)
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return Module(
        name=name,
        source=source,
        tree=tree,
        top=top,
        imports=tuple(dict.fromkeys(target for _, target in imports)),
        at_once=at_once,
        later=later,
        texts=frozenset(texts),
        changing=frozenset(changing),
    )


def _imports(name: str, nodes: list[ast.AST], known: set[str]) -> Iterator[tuple[ast.ImportFrom, str]]:
    for node in nodes:
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            target, _ = imported(node, alias, known)
            if target is None:
                continue
            if target not in known:
                raise Refused(f"{place(name, node)}: there is no {target}", "mend the import")
            yield node, target


def imported(node: ast.ImportFrom, alias: ast.alias, known: set[str]) -> tuple[str | None, str | None]:
    """(our module, None) for `from firmware import clock`, (our module, name) for `from firmware.clock import Clock`,
    (None, None) for what is not ours. The module may be one that there is not."""
    source = node.module or ""
    if source.split(".")[0] not in PACKAGES:
        return None, None
    if f"{source}.{alias.name}" in known or source in PACKAGES:
        return f"{source}.{alias.name}", None
    return source, alias.name


def place(module: str, node: ast.stmt | ast.expr) -> str:
    """Where something stands, in words."""
    return f"{module.replace('.', '/')}.py, line {node.lineno}"
