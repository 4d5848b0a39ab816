"""A name for every global of every module, that no other module of a bundle can take for its own."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from nameplate.factory.bundle_scopes import Function, nodes_of, ours
from nameplate.factory.refused import Refused

if TYPE_CHECKING:
    from nameplate.factory.bundle_modules import Module

# The compiler knows it by this name only.
_CONST = "const"


def unique_names(
    modules: Mapping[str, Module], entries: Mapping[str, Collection[str]]
) -> dict[tuple[str, str], str]:
    """(module, global) -> its name in every bundle. Names in `entries` (module -> names) stay as they are.

    What is imported from outside keeps its name where all modules mean the same by it. Raises Refused for a `const` that
    is another.
    """
    words = {module.name: _words(module, modules) for module in modules.values()}
    used = Counter(word for bound, free in words.values() for word in bound | free)
    assumed = {word for _, free in words.values() for word in free}
    meant: dict[str, set[tuple[str, str | None]]] = {}
    for module in modules.values():
        for name in module.own:
            if meaning := module.top.only_foreign(name):
                meant.setdefault(name, set()).add(meaning)
    if len(meant.get(_CONST, ())) > 1:
        raise Refused(
            "const is not the same in all modules", "import it from micropython, and nothing else as const"
        )
    found: dict[tuple[str, str], str] = {}
    taken = set(used)
    for module in modules.values():
        for name in sorted(module.own):
            if module.top.only_foreign(name):
                stays = name == _CONST or (len(meant[name]) == 1 and name not in assumed)
            else:
                stays = used[name] == 1 and name not in module.changing  # that one is copied by its name
            new = name
            if not stays and name not in entries.get(module.name, ()):
                new = f"{name}__{module.name.replace('.', '_')}"
                while new in taken:
                    new += "_"
                taken.add(new)
            found[module.name, name] = new
    return found


def _words(module: Module, modules: Collection[str]) -> tuple[set[str], set[str]]:
    """(names that a module binds anywhere but as attributes, names that it takes from nowhere: builtins)."""
    bound = set(module.own)
    loaded: set[str] = set()
    imported: set[str] = set()
    for node in nodes_of(module.tree):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.keyword) and node.arg:
            bound.add(node.arg)  # the compiler takes it for a constant of that name
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
        elif isinstance(node, Function):
            bound.update(
                inner.name
                for inner in node.body
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            )
        elif isinstance(node, ast.Import):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                variable = alias.asname or alias.name
                if not ours(node) or alias.asname or f"{node.module}.{alias.name}" in modules:
                    bound.add(variable)
                imported.add(variable)
    return bound, loaded - bound - imported
