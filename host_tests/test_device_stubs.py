"""Device code uses only what a stock ESP32 build has: checked by mypy against the stubs of the oldest and newest release."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stubs import stub_root

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = "1.23", "1.29"
# Device code has no annotations, so what mypy would only guess about (None, element types) is left out. What stays are
# modules, names, attributes and arguments that a build does not have.
FLAGS = [
    "--config-file=", "--check-untyped-defs", "--no-strict-optional", "--explicit-package-bases", "--no-incremental",
    "--python-version=3.11", "--disable-error-code=var-annotated", "--disable-error-code=assignment",
]  # fmt: skip
# What the stubs lack, though every build has it (seen in the sources of umqtt.simple 1.3.4 and newer).
KNOWN = (
    'lib/mqtt_memory.py: "MQTTClient" has no attribute "sock"',
    'lib/mqtt_memory.py: "MQTTClient" has no attribute "pid"',
    'firmware/uplink/mqtt_connect.py: "MQTTClient" has no attribute "sock"',
    'firmware/uplink/mqtt_connect.py: Module has no attribute "socket"',
    # mypy takes a table of sensor classes for a table of what they have in common.
    'firmware/sensors/station.py: "Analog" has no attribute "reading"',
)


def typeshed(release: str, folder: Path) -> tuple[Path, Path]:
    """(standard library stubs, other stubs) of a release. 1.23 has none of its own kind: the newest's, overlaid."""
    root, newest = stub_root(release), stub_root(NEWEST)
    if release == NEWEST:
        return root, root
    standard, other = folder / "typeshed", folder / "other"
    shutil.copytree(newest / "stdlib", standard / "stdlib")
    shutil.copytree(newest / "stubs", standard / "stubs")
    other.mkdir()
    shutil.copytree(newest / "_mpy_shed", other / "_mpy_shed")
    shutil.copytree(root / "umqtt", other / "umqtt")
    for stub in root.glob("*.pyi"):
        if not any((standard / "stdlib" / name).exists() for name in (stub.name, stub.stem)):
            shutil.copy(stub, other)
    return standard, other


def complaints(release: str, folder: Path, *what: str, path: Path = ROOT) -> list[str]:
    """What mypy says of our files (not of the stubs themselves), as "file: message"."""
    standard, other = typeshed(release, folder)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *FLAGS, "--custom-typeshed-dir", str(standard), *what],
        cwd=path, env={"MYPYPATH": f".:{other}", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = []
    for line in done.stdout.splitlines():
        file, _, rest = line.partition(":")
        if (
            ": error: " in rest
            and (path / file).is_file()
            and not Path(file).is_absolute()
            and ".build" not in file
        ):
            found.append(f"{file}: {rest.partition(': error: ')[2].rpartition('  [')[0]}")
    return found


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_firmware_and_lib_use_what_a_stock_build_has(release, tmp_path):
    said = complaints(release, tmp_path, "-p", "firmware", "-p", "lib")
    assert [line for line in said if line not in KNOWN] == []


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
@pytest.mark.parametrize("entry", ["boot.py", "main.py"])
def test_the_entry_uses_what_a_stock_build_has(entry, release, tmp_path):
    said = complaints(release, tmp_path, entry)
    assert [line for line in said if line.startswith(f"{entry}:")] == []


@pytest.mark.parametrize(
    ("release", "line", "complaint"),
    [
        (OLDEST, "import machine\nmachine.nothing()", '"nothing"'),
        (NEWEST, "import machine\nmachine.Pin(2, pull_sideways=1)", "pull_sideways"),
        (NEWEST, "import esp32\nesp32.NVS('a').get_str('b')", '"get_str"'),
    ],
)
def test_what_a_stock_build_lacks_is_seen(release, line, complaint, tmp_path):
    place = tmp_path / "planted"
    place.mkdir()
    (place / "planted.py").write_text(f"def use():\n    {line.replace(chr(10), chr(10) + '    ')}\n")
    said = complaints(release, tmp_path, "planted.py", path=place)
    assert any(complaint in words for words in said), said


def unknown_names(source: str) -> set[str]:
    """`module.name` for whatever a text takes from a module that is not in the oldest release's stub of it.

    The stubs of the standard library (os, sys, json ...) that mypy reads are CPython's, with more in them than a chip
    has; the oldest release's flat ones were read off a real build.
    """
    root = stub_root(OLDEST)
    used: set[tuple[str, str]] = set()
    modules: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            used |= {(node.module, alias.name) for alias in node.names}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            used.add((modules[node.value.id], node.attr))
    return {
        f"{module}.{name}"
        for module, name in used
        if (root / f"{module}.pyi").is_file() and name not in declared((root / f"{module}.pyi").read_text())
    }


def declared(stub: str) -> set[str]:
    """The names a stub gives a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(stub)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize(
    "path", [*ROOT.glob("firmware/**/*.py"), *ROOT.glob("lib/**/*.py"), ROOT / "boot.py", ROOT / "main.py"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)  # fmt: skip
def test_names_of_the_standard_library_are_a_chips(path):
    assert unknown_names(path.read_text()) == set()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import os\nos.getenv('HOME')", "os.getenv"),
        ("import os as system\nsystem.system('ls')", "os.system"),
        ("from json import JSONDecodeError", "json.JSONDecodeError"),
        ("import hashlib\nhashlib.sha512()", "hashlib.sha512"),
    ],
)
def test_a_name_that_only_a_computer_has_is_seen(source, name):
    assert unknown_names(source) == {name}
