"""Reads what a device says of an exception with the names, files and lines of the sources.

Only what can be nothing else is changed: the places of a traceback or a log line, the name of the exception, and the
names that MicroPython quotes in its own complaints. All other words stay, since a name of the image may be any word.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from nameplate.factory.code import Code

_FILE = re.compile(r'File "(?P<file>[\w.]+)", line (?P<line>\d+)(?P<inside>, in (?P<name>\w+))?')
_LOGGED = re.compile(
    r"(?:\b(?P<name>[A-Za-z_]\w*)(?P<args>\([^\n]*?\)) at )?\b(?P<file>[a-z][\w.]*):(?P<line>\d+)"
)
_RAISED = re.compile(r"^(?P<before>\s*)(?P<name>[A-Za-z_]\w*)(?=:|\s*$)")
_COMPLAINT = re.compile(r"(?:Attribute|Import|Name|Type)Error\b.*")
_QUOTED = re.compile(r"(?P<before>'|\bname )(?P<name>[A-Za-z_]\w*)(?='|$| isn't)")


@dataclass(frozen=True)
class Place:
    """A line of the sources that a text tells of; `image` is what stood there, `name` the function."""

    file: str
    line: int
    name: str | None
    image: str


class Trace:
    """Reads for the image that `code` gives."""

    def __init__(self, code: Code) -> None:
        self._lines = {
            bundle: ([line for line, _, _ in lines], [(module, line) for _, module, line in lines])
            for bundle, lines in ((name, sorted(lines)) for name, lines in code.lines().items())
        }
        self._names = code.originals()
        self._file_of = ""  # where the last place was: names mean what they mean there
        self._raised = False  # the line before was one of a traceback
        self.places: list[Place] = []

    def read(self, text: str) -> str:
        """The text as the sources have it; each line may end in any way. `places` gets what was found.

        A traceback may come in several texts, as long as each is of whole lines.
        """
        read = []
        for line in text.splitlines(keepends=True):
            new = _FILE.sub(self._file, line)
            if new != line or 'File "' in line:
                self._raised = True
            else:
                if self._raised:
                    new = _RAISED.sub(self._exception, new)
                self._raised = False
                new = _LOGGED.sub(self._logged, new)
                new = _COMPLAINT.sub(lambda found: _QUOTED.sub(self._exception, found.group()), new)
            read.append(new)
        return "".join(read)

    def _name(self, name: str) -> str:
        return self._names[self._file_of].get(name, name)

    def _place(self, found: re.Match[str], told: bool) -> Place | None:
        bundle = self._lines.get(found["file"])
        before = bisect_right(bundle[0], int(found["line"])) if bundle else 0
        if not bundle or not before:
            return None
        self._file_of = found["file"]
        module, line = bundle[1][before - 1]
        name = self._name(found["name"]) if told and found["name"] else None
        place = Place(f"{module.replace('.', '/')}.py", line, name, f"{found['file']}:{found['line']}")
        self.places.append(place)
        return place

    def _file(self, found: re.Match[str]) -> str:
        place = self._place(found, True)
        if place is None:
            return found.group()
        return f'File "{place.file}", line {place.line}' + (f", in {place.name}" if place.name else "")

    def _logged(self, found: re.Match[str]) -> str:
        place = self._place(found, False)
        if place is None:
            return found.group()
        before = f"{self._name(found['name'])}{found['args']} at " if found["name"] else ""
        return f"{before}{place.file}:{place.line}"

    def _exception(self, found: re.Match[str]) -> str:
        return f"{found['before']}{self._name(found['name'])}"


def release(root: Path) -> str:
    """Which release the device sources under `root` are, as a board of it says."""
    for node in ast.parse((root / "firmware" / "version.py").read_bytes()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["VERSION"]:
            return str(ast.literal_eval(node.value))
    return "unknown"
