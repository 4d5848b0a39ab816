"""Private names of the device's code become names that the chip's MicroPython holds in its ROM anyway.

MicroPython keeps every name of a loaded module for ever, some 20 bytes each: functions, arguments, attributes. Nine
hundred of them are a sixth of what a chip has beside its radio. So each name that is ours alone is written, in the image
only, as one that costs nothing (and, when those run out, as two letters). It is one exchange for all modules, and no name
of the language, of a module of the build, of a file, or in a LOOKED_UP is touched. Two names never become one in
the same file; a global or an argument that one file has for itself alone may be called in the image as another's is.
Lines stay lines, so a traceback names the right one; `nameplate.factory.trace` reads its words back.

`rom_names.txt` lists what was found in the ROM of two stock builds (1.23 for ESP32, 1.27 for ESP32-C3) on emulated
chips, with `micropython.qstr_info(1)` after asking an object for each name.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import keyword
import string
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path, PurePath

from nameplate.factory.bundle_rules import BY_NAME, LOOKED_UP
from nameplate.factory.bundle_scopes import Function, in_scope, nodes_of
from nameplate.factory.sources import PACKAGES

ROM_FILE = Path(__file__).parent / "rom_names.txt"
_NEWER = "# in 1.27 only"
ENTRY = (PurePath("boot.py"), PurePath("main.py"))
# What an own class may inherit from Exception.
_INHERITED = {"args", "value", "errno", "message"}
_FIELDS = {ast.Name: "id", ast.Attribute: "attr", ast.arg: "arg", ast.keyword: "arg", ast.ExceptHandler: "name",
           ast.FunctionDef: "name", ast.AsyncFunctionDef: "name", ast.ClassDef: "name"}  # fmt: skip


class Names:
    """The exchange for one set of device sources."""

    def __init__(
        self,
        trees: Iterable[tuple[PurePath, ast.Module]],
        entry: Iterable[ast.Module] = (),
        stay: Container[PurePath] = (),
    ) -> None:
        """`trees`: every module of the image with the path of its file. `entry`: boot.py and main.py, which stay as they
        are, so the names in them do too. `stay`: files that are always loaded: their names come first."""
        seen: Counter[str] = Counter()
        present: set[str] = set()
        constant: set[str] = set()
        arguments: set[str] = set()
        keywords: set[str] = set()
        kept = set(keyword.kwlist) | set(keyword.softkwlist) | set(dir(builtins)) | _INHERITED
        for tree in entry:
            kept.update(_identifiers(nodes_of(tree)))
        inherit: list[ast.ClassDef] = []
        files: dict[str, set[PurePath]] = {}
        looked_up: set[str] = set()
        texts: set[str] = set()
        for path, tree in trees:
            kept.update(path.with_suffix("").parts)
            nodes = nodes_of(tree)
            words = Counter(_identifiers(nodes))
            lasting = set(_lasting(tree, nodes))
            seen.update({name: count for name, count in words.items() if name in lasting})
            present.update(words)
            for name in words:
                files.setdefault(name, set()).add(path)
            looked_up.update(_looked_up(nodes))
            constant.update(_constants(nodes))
            arguments.update(node.arg for node in nodes if isinstance(node, ast.arg))
            keywords.update(node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg)
            kept.update(_looked_up_by_text(nodes))
            texts.update(_texts(nodes))
            kept.update(_foreign(nodes))
            inherit.extend(node for node in nodes if isinstance(node, ast.ClassDef))
        kept.update(_inherited(inherit))
        kept.update(_exceptions(inherit))
        kept.update(
            keywords - arguments
        )  # they go to functions from outside, or into a `**` that may list them
        rom, newer = rom_names()
        kept.update(newer)
        self.kept = frozenset(kept)
        ours = {name for name in seen if name not in kept and name not in rom and not _special(name)}
        used = (present - ours) | kept | texts
        # With an underscore, `X = const(...)` would be inlined, and be gone for other modules.
        plain = iter([name for name in rom if name not in used and not name.startswith("_")])
        rest = iter(
            [name for name in rom if name not in used and name.startswith("_") and not _special(name)]
        )
        short = (
            name for name in _two_letters() if name not in used and name not in present and name not in rom
        )
        self._renamed: dict[str, str] = {}
        self._alone = alone = {
            name: path for name in ours - looked_up for path in files[name] if len(files[name]) == 1
        }
        there = {name for name in ours if any(path in stay for path in files[name])}

        def rank(names: tuple[str, ...]) -> tuple[bool, int, tuple[str, ...]]:
            return there.isdisjoint(names), -sum(seen[name] for name in names), names

        # The most used first, and before them what is always there.
        for names in sorted(_shared(ours, alone, seen), key=rank):
            new = (
                next(plain, None) or (None if constant & {*names} else next(rest, None)) or next(short, None)
            )
            if new is None:
                break
            self._renamed.update(dict.fromkeys(names, new))

    @property
    def renamed(self) -> dict[str, str]:
        """What each private name is in the image."""
        return dict(self._renamed)

    def originals(self, path: PurePath | None) -> dict[str, str]:
        """What each name in the file `path` of the image is in the sources, where it differs; without a path, those that
        are so in every file."""
        return {new: name for name, new in self._renamed.items() if self._alone.get(name, path) == path}

    def apply(self, tree: ast.Module) -> None:
        """Exchange the names in a module's tree; nothing else in it changes."""
        for node in nodes_of(tree):
            if attribute := _FIELDS.get(type(node)):
                name = getattr(node, attribute)
                setattr(node, attribute, self._renamed.get(name, name))
            elif isinstance(node, ast.Global | ast.Nonlocal):
                node.names = [self._renamed.get(name, name) for name in node.names]
            elif isinstance(node, ast.alias):
                node.name = ".".join(self._renamed.get(part, part) for part in node.name.split("."))
                if node.asname:
                    node.asname = self._renamed.get(node.asname, node.asname)


def _shared(ours: set[str], alone: dict[str, PurePath], seen: Counter[str]) -> list[tuple[str, ...]]:
    """Which names become one: of each file's own globals the most used, of each the second, and so on."""
    own: dict[PurePath, list[str]] = {}
    for name in sorted(alone, key=lambda name: (-seen[name], name)):
        own.setdefault(alone[name], []).append(name)
    ranks = itertools.zip_longest(*(own[path] for path in sorted(own)))
    return [(name,) for name in ours if name not in alone] + [
        tuple(sorted(name for name in rank if name)) for rank in ranks
    ]


def _looked_up(nodes: list[ast.AST]) -> Iterator[str]:
    """Names that are looked for in an object or a call, whichever file it is from."""
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(
            node, ast.keyword
        ):  # an argument that nobody gives by its name is only the function's own
            yield node.arg or ""
        elif isinstance(node, ast.ClassDef):
            for item in in_scope(node.body):
                if isinstance(item, Function | ast.ClassDef):
                    yield item.name
                elif isinstance(item, ast.Name):
                    yield item.id


def rom_names() -> tuple[list[str], list[str]]:
    """The names that both stock builds hold in ROM, in the order in which they are given out; and those of one only."""
    both, newer = ROM_FILE.read_text(encoding="ascii").split(_NEWER)
    return both.split(), newer.split()


def _two_letters() -> Iterator[str]:
    return (
        first + second for first in string.ascii_letters for second in string.ascii_letters + string.digits
    )


def _special(name: str) -> bool:
    return name.startswith("__")


def _texts(nodes: list[ast.AST]) -> Iterator[str]:
    """Texts are interned as they stand: a name of the same letters is not given to anything else."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _looked_up_by_text(nodes: list[ast.AST]) -> Iterator[str]:
    """Names that are looked for by a text: those in LOOKED_UP, and where the text stands in the call."""
    for node in nodes:
        # Joined, a module's global may have its module's name behind its own.
        if (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).split("__")[0] == LOOKED_UP) or (
            isinstance(node, ast.keyword) and node.arg is None
        ):
            yield from _texts(nodes_of(node.value))
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "namedtuple" and isinstance(node.args[1], ast.Constant):
                yield from str(node.args[1].value).replace(",", " ").split()
            elif called in BY_NAME:
                yield from _texts([node.args[1]])


def _exceptions(classes: list[ast.ClassDef]) -> set[str]:
    """Our own exceptions keep their names: people read them in the log, with no table at hand."""
    known = {name for name in dir(builtins) if isinstance(kind := getattr(builtins, name), type)
             and issubclass(kind, BaseException)}  # fmt: skip
    found: set[str] = set()
    while True:
        more = {
            node.name
            for node in classes
            if any(isinstance(base, ast.Name) and base.id in known | found for base in node.bases)
        }
        if more <= found:
            return found
        found |= more


def _constants(nodes: list[ast.AST]) -> Iterator[str]:
    """`X = const(...)`: the compiler puts the number where the name is, and, as long as it has an underscore, only there."""
    for node in nodes:
        if isinstance(node, ast.Assign) and _is_const(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _is_const(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "const"


def _inlined(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and isinstance(target := statement.targets[0], ast.Name)
        and target.id.startswith("_")
        and _is_const(statement.value)
    )


def _foreign(nodes: list[ast.AST]) -> Iterator[str]:
    """What is imported from modules that are not ours, and what is taken from it."""
    variables: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from alias.name.split(".")
                variables.add((alias.asname or alias.name).split(".")[0])
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in PACKAGES:
            yield from (node.module or "").split(".")
            yield from (alias.name for alias in node.names)
            variables.update(alias.asname or alias.name for alias in node.names)
    for node in nodes:
        if isinstance(node, ast.Attribute):
            value: ast.expr = node
            names = []
            while isinstance(value, ast.Attribute):
                names.append(value.attr)
                value = value.value
            if isinstance(value, ast.Name) and value.id in variables:
                yield from names


def _inherited(classes: list[ast.ClassDef]) -> Iterator[str]:
    """What is named in classes that inherit from one that is not ours: its own attributes may have any name of the ROM."""
    own = {node.name for node in classes}
    safe = {
        name
        for name in dir(builtins)
        if isinstance(kind := getattr(builtins, name), type) and issubclass(kind, BaseException)
    }
    outside = {
        node.name
        for node in classes
        for base in node.bases
        if not (isinstance(base, ast.Name) and base.id in own | safe | {"object"})
    }
    while more := {
        node.name
        for node in classes
        if node.name not in outside
        and any(isinstance(base, ast.Name) and base.id in outside for base in node.bases)
    }:
        outside |= more
    for node in classes:
        if node.name in outside:
            for item in in_scope(node.body):
                if isinstance(item, Function):
                    yield item.name
                    yield from _of_self(item)
                elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
                    yield item.id


def _of_self(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    first = function.args.args[0].arg if function.args.args else None
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == first:
            yield node.attr


def _identifiers(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if attribute := _FIELDS.get(type(node)):
            if name := getattr(node, attribute):
                yield name
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")
            if node.asname:
                yield node.asname


def _lasting(tree: ast.Module, nodes: list[ast.AST]) -> Iterator[str]:
    """The names that stay in memory: all but a function's own variables, which the compiler numbers."""
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
            yield from node.name.split(".")
    pending: list[ast.stmt] = list(tree.body)
    while pending:  # the variables of modules and classes
        statement = pending.pop()
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) or _inlined(statement):
            continue
        for node in ast.iter_child_nodes(statement):
            if isinstance(node, ast.stmt):
                pending.append(node)
            elif isinstance(node, ast.ExceptHandler):
                pending.extend(node.body)
                yield node.name or ""
            else:
                yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))
