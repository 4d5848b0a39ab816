"""The device's modules, joined into the few files that are loaded and forgotten together.

On a chip each module of its own costs some 400 bytes of heap (its dictionary, its entry among the modules, four names
and its imports), a block of 4 KiB in each slot and a hundred flash reads. So the image holds *bundles*: what stays is
in two files, and each module that the agent forgets after use (it is named in a text, as `lib.rare.forget` is given it)
is a file of its own, with the modules that only it needs. Joining changes no meaning: every module's globals get names
that no other has, an import inside a bundle vanishes, one between bundles stays where it is.

`Bundle.lines` finds the source line of a bundle's line, for tracebacks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from nameplate.factory.bundle_modules import Module, read_modules
from nameplate.factory.bundle_names import Joiner, unique_names
from nameplate.factory.refused import Refused

ENTRY = "firmware.app"
# What is needed only from here on, and stays, is loaded after the radio has its memory.
RESIDENT = "firmware.agent"
BUILD = "firmware.build"


@dataclass(frozen=True)
class Bundle:
    """One file of a slot: `name` is its module's; `parts` is what is joined, (module, Python), in that order.

    `lines`: (line, module, line in the module). `exports`: (module, global) -> what it is called here."""

    name: str
    parts: tuple[tuple[str, str], ...]
    lines: tuple[tuple[int, str, int], ...]
    exports: Mapping[tuple[str, str], str]

    @property
    def source(self) -> str:
        return "".join(source for _, source in self.parts)

    @property
    def path(self) -> PurePath:
        return PurePath(*self.name.split(".")).with_suffix(".py")


def bundles(sources: Mapping[PurePath, bytes]) -> list[Bundle]:
    """The bundles of the device modules in `sources` (path relative to the device's root -> Python).

    Raises Refused where two bundles that are forgotten would share a module that nothing names.
    """
    modules = read_modules(sources)
    places = _places(modules)
    unique = unique_names(modules, {ENTRY: {"main"}})
    joiner = Joiner(modules, places, unique, {ENTRY, RESIDENT})
    found = []
    for root in sorted(set(places.values())):
        names = _ordered(modules, root, [name for name, place in places.items() if place == root])
        found.append(_join(root, names, modules, joiner, unique))
    return found


def _places(modules: Mapping[str, Module]) -> dict[str, str]:
    """Which bundle each module is in; what nothing imports is in none."""
    texts = {text for module in modules.values() for text in module.texts}
    dropped = {name for name in modules if name in texts}
    places = dict.fromkeys(_reached(modules, ENTRY, dropped), ENTRY)
    for root in sorted(dropped):
        places[root] = root
    for name in _reached(modules, BUILD, dropped - {BUILD}):
        places.setdefault(name, RESIDENT)
    for root in sorted(dropped - {BUILD}):
        for name in _reached(modules, root, dropped - {root}):
            if places.setdefault(name, root) not in (root, ENTRY, RESIDENT):
                raise Refused(
                    f"{name} is needed by {places[name]} and by {root}, which are both forgotten after use",
                    "name it where they are forgotten too, so that it has a file of its own",
                )
    return places


def _reached(modules: Mapping[str, Module], root: str, stops: set[str]) -> list[str]:
    found: list[str] = []
    pending = [root]
    while pending:
        name = pending.pop()
        if name not in found and (name == root or name not in stops):
            found.append(name)
            pending.extend(sorted(modules[name].imports))
    return found


def _ordered(modules: Mapping[str, Module], root: str, names: list[str]) -> list[str]:
    """Each module after those that it imports; the bundle's own last."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name in done or name not in names:
            return
        names.remove(name)
        for needed in modules[name].imports:
            visit(needed)
        done.append(name)

    for name in sorted(set(names) - {root}):
        visit(name)
    if root in names:
        visit(root)
    return done


def _join(
    root: str,
    names: list[str],
    modules: Mapping[str, Module],
    joiner: Joiner,
    unique: Mapping[tuple[str, str], str],
) -> Bundle:
    joiner.begin(root)
    parts = []
    lines: list[tuple[int, str, int]] = []
    above = 0
    for name in names:
        body = [new for old in modules[name].tree.body for new in joiner.rewrite(name, old)]
        source = ast.unparse(ast.fix_missing_locations(ast.Module(body, []))) + "\n"
        for new, written in zip(body, ast.parse(source).body, strict=True):
            lines.extend((above + at, name, line) for at, line in _line_pairs(new, written))
        above += source.count("\n")
        parts.append((name, source))
    exports = {key: name for key, name in unique.items() if key[0] in names}
    return Bundle(root, tuple(parts), tuple(lines), exports)


def _line_pairs(old: ast.stmt, new: ast.stmt) -> Iterator[tuple[int, int]]:
    """(line in the bundle, line in the module) of each statement: both trees have the same shape."""
    ours = [node for node in ast.walk(old) if isinstance(node, ast.stmt)]
    theirs = [node for node in ast.walk(new) if isinstance(node, ast.stmt)]
    for before, after in zip(ours, theirs, strict=True):
        if getattr(before, "lineno", 0):
            yield after.lineno, before.lineno
