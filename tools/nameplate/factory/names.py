"""Private names of the device's code become names that the chip's MicroPython holds in its ROM anyway.

MicroPython keeps every name of a loaded module for ever, some 20 bytes each: functions, arguments, attributes. Nine
hundred of them are a sixth of what a chip has beside its radio. So each name that is ours alone is written, in the image
only, as one that costs nothing. It is one exchange for all modules: two names never become one, and no name of the
language, of a module of the build, of a file, or of a text in the code is touched. Lines stay lines, so a traceback
names the right one; `Names.original` reads its words back.

`rom_names.txt` lists what was found in the ROM of two stock builds (1.23 for ESP32, 1.27 for ESP32-C3) on emulated
chips, with `micropython.qstr_info(1)` after asking an object for each name.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from nameplate.factory.sources import PACKAGES

ROM_FILE = Path(__file__).parent / "rom_names.txt"
_NEWER = "# in 1.27 only"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A field of an f-string: its expression (nested brackets and quoted texts included), then conversion and format.
_FIELD = re.compile(
    r"""\{\{|\{(?P<field>(?:'[^']*'|"[^"]*"|\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]]*\]|!=|[^'"(\[{}!:])+)"""
    r"""(?P<rest>(?:![ars])?(?::[^{}]*)?\})"""
)
_EXPRESSION = re.compile(r"""'[^']*'|"[^"]*"|[A-Za-z_][A-Za-z0-9_]*""")
ENTRY = (PurePath("boot.py"), PurePath("main.py"))
# What an own class may inherit from Exception.
_INHERITED = {"args", "value", "errno", "message"}


class Names:
    """The exchange for one set of device sources."""

    def __init__(self, sources: Mapping[PurePath, bytes]) -> None:
        """`sources`: every Python file of the device by its path, boot.py and main.py among them (they stay as they
        are, so the names in them do too)."""
        seen: Counter[str] = Counter()
        kept = set(keyword.kwlist) | set(keyword.softkwlist) | set(dir(builtins)) | _INHERITED
        local: set[str] = set()
        for path, source in sources.items():
            tree = ast.parse(source)
            kept.update(path.with_suffix("").parts)
            if path in ENTRY:
                kept.update(_identifiers(tree))
                continue
            kept.update(_texts(tree))
            kept.update(_foreign(tree))
            lasting = set(_lasting(tree))
            seen.update(name for name in _identifiers(tree) if name in lasting)
            local.update(_identifiers(tree))
        rom, newer = rom_names()
        kept.update(newer)
        ours = {name for name in seen if name not in kept and name not in rom and not _special(name)}
        untouched = local - ours
        # None with an underscore: `X = const(...)` would then be inlined, and be gone for other modules.
        free = iter([name for name in rom if name not in untouched | kept and not name.startswith("_")])
        # The most used first: should the ROM's names run out, what is left keeps its own.
        self._renamed = dict(zip(sorted(ours, key=lambda name: (-seen[name], name)), free, strict=False))
        self._original = {short: name for name, short in self._renamed.items()}

    @property
    def renamed(self) -> dict[str, str]:
        """What each private name is in the image."""
        return dict(self._renamed)

    def original(self, text: str) -> str:
        """`text`, say a traceback from a device, with the names that the sources have."""
        return _WORD.sub(lambda word: self._original.get(word.group(), word.group()), text)

    def apply(self, source: bytes) -> bytes:
        """A module's source with its names exchanged; every line stays where it is."""
        lines = io.BytesIO(source).readline
        out: list[str] = []
        row, column = 1, 0
        text = source.decode().splitlines(keepends=True)
        before = ""
        for token in tokenize.tokenize(lines):
            # From Python 3.12 on the `r` of `{x!r}` comes as a name.
            conversion, before = before == "!", token.string
            if token.type == tokenize.NAME and not conversion:
                new = self._renamed.get(token.string, token.string)
            elif (
                token.type == tokenize.STRING and "f" in token.string[: token.string.index(token.string[-1])]
            ):
                new = self._in_format(token.string)
            else:
                continue
            if new == token.string:
                continue
            while row < token.start[0]:
                out.append(text[row - 1][column:])
                row, column = row + 1, 0
            out.append(text[row - 1][column : token.start[1]])
            out.append(new)
            row, column = token.end
        out.append(text[row - 1][column:] if row <= len(text) else "")
        out.extend(text[row:])
        return "".join(out).encode()

    def _in_format(self, literal: str) -> str:
        """An f-string with the names in its fields exchanged (before Python 3.12 it is one token)."""

        def field(found: re.Match[str]) -> str:
            if found.group("field") is None:
                return found.group()
            return "{" + _EXPRESSION.sub(word, found.group("field")) + found.group("rest")

        def word(found: re.Match[str]) -> str:
            return self._renamed.get(found.group(), found.group())

        return _FIELD.sub(field, literal)


def rom_names() -> tuple[list[str], list[str]]:
    """The names that both stock builds hold in ROM, in the order in which they are given out; and those of one only."""
    both, newer = ROM_FILE.read_text(encoding="ascii").split(_NEWER)
    return both.split(), newer.split()


def _special(name: str) -> bool:
    return name.startswith("__")


def _texts(tree: ast.AST) -> Iterable[str]:
    """Texts that might name something: they are interned as they stand, and a name of the same letters comes free."""
    return (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _inlined(statement: ast.stmt) -> bool:
    """`_X = const(...)`: the compiler puts the number where the name is, as long as the name has its underscore."""
    return (
        isinstance(statement, ast.Assign)
        and isinstance(target := statement.targets[0], ast.Name)
        and target.id.startswith("_")
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Name)
        and statement.value.func.id == "const"
    )


def _foreign(tree: ast.AST) -> Iterable[str]:
    """What is imported from modules that are not ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from alias.name.split(".")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in PACKAGES:
            yield from (node.module or "").split(".")
            yield from (alias.name for alias in node.names)


def _identifiers(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
            yield node.name or ""
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")
            if node.asname:
                yield node.asname


def _lasting(tree: ast.Module) -> Iterable[str]:
    """The names that stay in memory: all but a function's own variables, which the compiler numbers."""
    for node in ast.walk(tree):
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
            else:
                yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))
