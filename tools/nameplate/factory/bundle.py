"""The device's modules, joined into the few files that are loaded and forgotten together.

On a chip each module of its own costs some 400 bytes of heap (its dictionary, its entry among the modules, four names
and its imports), a block of 4 KiB in each slot and hundreds of small flash reads, when it is looked for. So the image
holds *bundles*. What stays is in two. What the agent forgets after use (its name stands in a text, as `lib.rare.forget`
is given it) and imports inside a function is a bundle with all that it imports, but for what stays: two such bundles may
hold the same module, which is why one that is forgotten keeps nothing. Joining changes no meaning: every module's globals
get names that no other has, an import inside a bundle vanishes, one between bundles stays where it is.

`Bundle.lines` finds the source line of a bundle's line, for tracebacks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from nameplate.factory.bundle_modules import Module, read_modules
from nameplate.factory.bundle_names import Joiner, unique_names

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

    Raises Refused where a module cannot be joined; says why and where.
    """
    modules = read_modules(sources)
    contents = _contents(modules)
    unique = unique_names(modules, {ENTRY: {"main"}})
    stays = {name: root for root in (ENTRY, RESIDENT) for name in contents[root]}
    joiner = Joiner(modules, contents, stays, unique)
    return [_join(root, names, modules, joiner, unique) for root, names in sorted(contents.items())]


def _contents(modules: Mapping[str, Module]) -> dict[str, list[str]]:
    """Bundle -> its modules, each after those that it imports. What nothing imports is in none."""
    texts = {text for module in modules.values() for text in module.texts}
    dropped = {name for name in modules if name in texts}
    entry = _closure(modules, [ENTRY], dropped, set())
    begun = [name for name in _closure(modules, [BUILD], dropped, set(entry)) if name not in dropped]
    resident = _closure(modules, sorted(begun), dropped, set(entry))
    found = {ENTRY: entry, RESIDENT: resident}
    pending = [ENTRY, RESIDENT]
    while pending:
        for name in found[pending.pop()]:
            for root in sorted(modules[name].later & dropped):
                if root not in found:
                    found[root] = _whole(modules, root, dropped, {*entry, *resident})
                    pending.append(root)
    return found


def _whole(modules: Mapping[str, Module], root: str, dropped: set[str], stays: set[str]) -> list[str]:
    """What is loaded with one that is forgotten. Another such, imported later, that would bring a second copy of a module
    is part of it: an exception that one copy raises is not what the other knows by that name."""
    roots = [root]
    while True:
        names = _closure(modules, roots, dropped, stays)
        later = {other for name in names for other in modules[name].later & dropped} - set(names)
        copies = [
            other for other in sorted(later) if {*_closure(modules, [other], dropped, stays)} & {*names}
        ]
        if not copies:
            return names
        roots = [*copies, *roots]


def _closure(
    modules: Mapping[str, Module], roots: list[str], dropped: set[str], without: set[str]
) -> list[str]:
    """What is loaded with `roots`: all that they import at once, and what they import later and never forget."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name in done or name in without or name in running:
            return
        running.add(name)
        for needed in modules[name].imports:
            if needed in modules[name].at_once or needed not in dropped:
                visit(needed)
        done.append(name)

    running: set[str] = set()
    for name in roots:
        visit(name)
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
