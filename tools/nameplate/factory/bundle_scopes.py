"""What a scope of Python binds: names of its own, imports of ours, names it takes for those of the module."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nameplate.factory.sources import PACKAGES

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class Scope:
    """`names`: what it binds, imports of ours left out. `imports`: (node, alias) of each of those, by its variable.
    `emptied`: variables that it sets to None or deletes, and how often; `bound`: how often it binds each in all.
    `foreign`: what its imports from outside bind -> (module, name or None). `outer`: declared global or nonlocal."""

    names: set[str] = field(default_factory=set)
    imports: dict[str, list[tuple[ast.ImportFrom, ast.alias]]] = field(default_factory=dict)
    bound: Counter[str] = field(default_factory=Counter)
    emptied: Counter[str] = field(default_factory=Counter)
    foreign: dict[str, set[tuple[str, str | None]]] = field(default_factory=dict)
    imported: Counter[str] = field(default_factory=Counter)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    # What is taken out of each module that it imports, by its variable.
    uses: dict[str, set[str]] = field(default_factory=dict)
    # A class: what its body has bound so far; a name is the module's until then.
    so_far: set[str] | None = None

    def only_foreign(self, name: str) -> tuple[str, str | None] | None:
        """What the name stands for if nothing but imports of one thing from outside binds it here."""
        meanings = self.foreign.get(name, set())
        return (
            next(iter(meanings)) if len(meanings) == 1 and self.imported[name] == self.bound[name] else None
        )


def ours(node: ast.ImportFrom) -> bool:
    """Whether it imports from the device's own packages."""
    return (node.module or "").split(".")[0] in PACKAGES


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """All nodes of a tree, itself first; quicker than ast.walk, for it leaves out whether names are loaded or stored."""
    found = [tree]
    for node in found:
        for name in node._fields:
            value = getattr(node, name, None) if name != "ctx" else None
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found.extend(item for item in value if isinstance(item, ast.AST))
    return found


def in_scope(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of one scope: of a function, lambda, class or comprehension in it only what is evaluated outside."""
    pending: list[ast.AST] = list(nodes)[::-1]
    while pending:
        node = pending.pop()
        yield node
        inner: list[ast.AST]
        if isinstance(node, Function):
            inner = [*node.decorator_list, *_defaults(node.args)]
        elif isinstance(node, ast.Lambda):
            inner = _defaults(node.args)
        elif isinstance(node, ast.ClassDef):
            inner = [*node.decorator_list, *node.bases, *node.keywords]
        elif isinstance(node, _COMPREHENSION):
            inner = [node.generators[0].iter]
            inner += [found for found in ast.walk(node) if isinstance(found, ast.NamedExpr)]
        else:
            inner = list(ast.iter_child_nodes(node))
        pending.extend(inner[::-1])


def _defaults(arguments: ast.arguments) -> list[ast.AST]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default)]


def scope_of(body: Sequence[ast.stmt], arguments: ast.arguments | None = None) -> Scope:
    """The scope of a module's, function's or class's body."""
    scope = Scope()
    for name in argument_names(arguments) if arguments else ():
        scope.bound[name] += 1
    for node in in_scope(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _import(scope, node)
        elif isinstance(node, ast.Global):
            scope.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocals.update(node.names)
        else:
            _bound(scope, node)
    scope.names = set(scope.bound) - scope.globals - scope.nonlocals
    if scope.imports:
        for node in (found for statement in body for found in nodes_of(statement)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in scope.imports
            ):
                scope.uses.setdefault(node.value.id, set()).add(node.attr)
    return scope


def _bound(scope: Scope, node: ast.AST) -> None:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        scope.bound[node.id] += 1
        if isinstance(node.ctx, ast.Del):
            scope.emptied[node.id] += 1
    elif isinstance(node, Function | ast.ClassDef | ast.ExceptHandler):
        if node.name:
            scope.bound[node.name] += 1
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is None:
        scope.emptied.update(target.id for target in node.targets if isinstance(target, ast.Name))


def _import(scope: Scope, node: ast.Import | ast.ImportFrom) -> None:
    for alias in node.names:
        variable = alias.asname or alias.name
        if isinstance(node, ast.Import):
            whole = alias.name if alias.asname else alias.name.split(".")[0]
            _foreign(scope, alias.asname or whole, (whole, None))
        elif ours(node):
            scope.imports.setdefault(variable, []).append((node, alias))
        else:
            _foreign(scope, variable, (node.module or "", alias.name))


def _foreign(scope: Scope, variable: str, meaning: tuple[str, str | None]) -> None:
    scope.bound[variable] += 1
    scope.imported[variable] += 1
    scope.foreign.setdefault(variable, set()).add(meaning)


def argument_names(arguments: ast.arguments) -> set[str]:
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    return {item.arg for item in every if item}
