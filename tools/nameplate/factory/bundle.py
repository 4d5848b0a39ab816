"""The device's modules, joined into the few files that are loaded and forgotten together.

On a chip each module of its own costs some 400 bytes of heap (its dictionary, its entry among the modules, four names
and its imports), a block of 4 KiB in each slot and hundreds of small flash reads, when it is looked for. So the image
holds *bundles*. What stays is in two. What the agent forgets after use (its name stands in a text, as `lib.rare.forget`
is given it) and imports inside a function is a bundle with all that it imports, but for what stays: two such bundles may
hold the same module, which is why one that is forgotten keeps nothing. Joining changes no meaning but one: what a bundle
holds is loaded together. Every module's globals get names that no other has, an import inside a bundle vanishes, one
between bundles stays where it is; what would change more is refused (`bundle_rules`, and below).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from nameplate.factory.bundle_constants import inline
from nameplate.factory.bundle_flat import flat_names, flatten
from nameplate.factory.bundle_imports import Imports
from nameplate.factory.bundle_join import Joiner
from nameplate.factory.bundle_modules import Module, read_modules
from nameplate.factory.bundle_names import unique_names
from nameplate.factory.refused import Refused

ENTRY = "firmware.app"
# What is needed only from here on, and stays, is loaded after the radio has its memory.
RESIDENT = "firmware.agent"
BUILD = "firmware.build"
STAY = (ENTRY, RESIDENT)


@dataclass(frozen=True)
class Bundle:
    """One file of a slot: `name` is its module's; `parts` is what is joined, (module, its statements), in that order.

    `exports`: (module, global) -> what it is called here."""

    name: str
    parts: tuple[tuple[str, ast.Module], ...]
    exports: Mapping[tuple[str, str], str]

    @property
    def path(self) -> PurePath:
        return PurePath(*self.name.split(".")).with_suffix(".py")


def bundles(sources: Mapping[PurePath, bytes]) -> list[Bundle]:
    """The bundles of the device modules in `sources` (path relative to the device's root -> Python).

    Raises Refused where a module cannot be joined; says why and where.
    """
    modules = read_modules(sources)
    for name in (ENTRY, BUILD):
        if name not in modules:
            raise Refused(f"there is no {name}", "it is what the image is gathered from")
    imports = Imports(modules)
    contents = _contents(modules)
    _check_shared(modules, contents)
    unique = unique_names(modules, {ENTRY: {"main"}})
    stays = {name: root for root in STAY for name in contents.get(root, ())}
    joiner = Joiner(modules, contents, stays, imports, unique)
    found = [_join(root, names, joiner, unique) for root, names in sorted(contents.items())]
    trees = [tree for bundle in found for _, tree in bundle.parts]
    inline(trees)
    names = flat_names(contents, modules)
    flatten(trees, names)
    return [replace(bundle, name=names.get(bundle.name, bundle.name)) for bundle in found]


def source_of(part: ast.Module) -> str:
    """The Python of one part, as it is compiled; with the others of its bundle, in their order."""
    return ast.unparse(part) + "\n"


def lines_of(part: ast.Module, source: str) -> Iterator[tuple[int, int]]:
    """(line in `source`, line in the module) of each statement of one part."""
    for old, new in zip(_statements(part.body), _statements(ast.parse(source).body), strict=True):
        yield new.lineno, old.lineno


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        for name in ("body", "handlers", "orelse", "finalbody"):
            for item in getattr(statement, name, ()):
                yield from _statements(item.body if isinstance(item, ast.ExceptHandler) else [item])


def _contents(modules: Mapping[str, Module]) -> dict[str, list[str]]:
    """Bundle -> its modules, each after those that it imports. What nothing imports is in none."""
    texts = {text for module in modules.values() for text in module.texts}
    dropped = {name for name in modules if name in texts}
    entry = _closure(modules, [ENTRY], dropped, set())
    begun = [name for name in _closure(modules, [BUILD], dropped, set(entry)) if name not in dropped]
    resident = _closure(modules, sorted(begun), dropped, set(entry))
    found = {root: names for root, names in ((ENTRY, entry), (RESIDENT, resident)) if names}
    stays = {*entry, *resident}
    pending = list(found)
    while pending:
        for name in found[pending.pop()]:
            for root in sorted((modules[name].later & dropped) - stays):
                if root not in found:
                    found[root] = _whole(modules, root, dropped, stays)
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
    """What is loaded with `roots`: all that they import at once, each after what it needs for that, and what they import
    later and never forget."""
    done: list[str] = []
    later: list[str] = []
    running: list[str] = []

    def visit(name: str) -> None:
        if name in done or name in without:
            return
        if name in running:
            circle = " and ".join(sorted({*running[running.index(name) :]}))
            raise Refused(
                f"{circle} import each other while they are loaded",
                "let one of them import inside a function",
            )
        running.append(name)
        for needed in modules[name].imports:
            if needed in modules[name].at_once:
                visit(needed)
            elif needed not in dropped:
                later.append(needed)
        running.pop()
        done.append(name)

    for root in roots:
        visit(root)
    while later:
        visit(later.pop(0))
    return done


def _check_shared(modules: Mapping[str, Module], contents: Mapping[str, list[str]]) -> None:
    """Nothing may tell that a module is loaded more than once, or anew."""
    rare = {root: names for root, names in contents.items() if root not in STAY}
    staying = {name for root in STAY for name in contents.get(root, ())}
    for root, names in rare.items():
        for name in names:
            if modules[name].changing and name != root:
                what = ", ".join(sorted(modules[name].changing))
                raise Refused(
                    f"{name} keeps {what}, and is forgotten with {root}",
                    "keep it in what stays, or in an object that is handed over",
                )
    for user in sorted(staying):
        used = sorted(modules[user].later & {*rare})
        for one, other in ((one, other) for one in used for other in used if one != other):
            if one in rare[other] and any(isinstance(node, ast.ClassDef) for node in modules[one].tree.body):
                raise Refused(
                    f"{user} imports {one} and {other}, which has a {one} of its own: the classes would be two",
                    f"let {other} import it inside a function, or define the classes in what stays",
                )


def _join(root: str, names: list[str], joiner: Joiner, unique: Mapping[tuple[str, str], str]) -> Bundle:
    joiner.begin(root)
    parts = []
    for name in names:
        body = ast.Module(joiner.rewrite(name), [])
        parts.append((name, ast.fix_missing_locations(body)))
    exports = {key: name for key, name in unique.items() if key[0] in names}
    return Bundle(root, tuple(parts), exports)
