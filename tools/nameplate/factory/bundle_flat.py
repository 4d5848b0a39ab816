"""Files of code lie in `firmware/` and `lib/` and no deeper: `firmware.console.requests` is `firmware.console_requests`.

A folder costs a unit 8 KiB of flash in each slot and a hundred bytes of heap, and every import through it more reads.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from nameplate.factory.bundle_scopes import nodes_of


def flat_names(bundles: Collection[str], modules: Collection[str]) -> dict[str, str]:
    """Bundle -> its new name, for those that lie deeper; one that would meet another's name stays where it is."""
    found: dict[str, str] = {}
    for name in sorted(bundles):
        package, _, rest = name.partition(".")
        new = f"{package}.{rest.replace('.', '_')}"
        if "." in rest and new not in modules and new not in found.values():
            found[name] = new
    return found


def flatten(trees: Iterable[ast.Module], names: dict[str, str]) -> None:
    """Import the bundles by their new names, and forget them by these."""
    for tree in trees:
        for node in nodes_of(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = names.get(node.value, node.value)
            elif isinstance(node, ast.ImportFrom) and node.module:
                _import(node, names)


def _import(node: ast.ImportFrom, names: dict[str, str]) -> None:
    assert node.module
    if node.module in names:
        node.module = names[node.module]
        return
    new = [names.get(f"{node.module}.{alias.name}") for alias in node.names]
    if any(new):  # the joiner imports one thing in a statement
        (alias,) = node.names
        assert new[0]
        alias.asname = alias.asname or alias.name
        node.module, _, alias.name = new[0].rpartition(".")
