"""What sensors and their diagnosis cost on a device: bytes for each sensor and rule, time as multiples of an empty loop.

Bytes are those of a 32-bit interpreter, with objects as large as a chip's (as the benchmark `memory`); time is that of
this machine's interpreter, told as a ratio. `python -m nameplate.bench.diagnosis_cost` prints the figures alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.bench import script
from nameplate.bench.figure import figure
from nameplate.bench.memory import package
from nameplate.errors import NameplateError

# An ESP32 takes less than this for an empty loop of 100,000 steps: 5 us for a step, on boards that need some 2 to 3.
_CHIP_LOOP_MS = 500
_STALL_MS = 20
_DEVICE = Path(__file__).parent / "device"
_OPTIONAL = ("float", "probe", "ds18b20")  # loaded only where a profile has one
_MODELS = ("kf320", "gs45", "wm90")
_JUDGE = ("judge", "cycles", "trend", "measures", "forecast", "rules", "faults", "leak")


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures of a run of some ten seconds. Raises NameplateError when Node or an interpreter is missing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slots = _slots(folder)
        for kind, size in sorted(_by_kind(_sizes(folder, slots)).items()):
            alone = ", with the code that only it keeps" if kind in _OPTIONAL else ""
            yield figure(f"heap held by a sensor, {kind}{alone}", size, "bytes", simulated=True)
        run = script.run(
            "diagnosis_cost",
            "diagnosis cost",
            str(_compiled(folder)),
            *map(str, slots),
            heap="4m",
            timeout_s=120,
        )
    loop_us = run["loop_us"]
    for model, found in run["models"].items():
        yield figure(f"heap held by the state of a rule, {model}, mean", found["cell_bytes"] / found["rules"],
                     "bytes", simulated=True, digits=0)  # fmt: skip
        yield figure(
            f"heap held by the state of all rules, {model}", found["cell_bytes"], "bytes", simulated=True
        )
        sample = found["sample_ns"] / 1000 / loop_us
        judge = found["judge_ns"] / 1000 / loop_us
        yield figure(
            f"a sample of all sensors, {model}", sample, "empty loops of 100,000", simulated=False, digits=4
        )
        yield figure(
            f"a step of the judge, {model}", judge, "empty loops of 100,000", simulated=False, digits=4
        )
        stall = sample * _CHIP_LOOP_MS + found["bus_us"] / 1000
        yield figure(
            f"a sample of all sensors on an ESP32 at most, {model}", stall, "ms", _STALL_MS, simulated=True
        )
        rule_ms = judge * _CHIP_LOOP_MS / found["rules"]
        yield figure(
            f"one rule of the judge on an ESP32 at most, {model}, mean", rule_ms, "ms", simulated=True
        )
    yield figure("loading the judge", run["load_us"] / loop_us, "empty loops of 100,000", simulated=False)


def _by_kind(sizes: dict[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, size in sizes.items():
        kind = name.partition("(")[2].rstrip(")")
        found[kind] = max(size, found.get(kind, 0))
    return found


def _slots(folder: Path) -> list[Path]:
    from nameplate.factory import device_model, profile
    from nameplate.factory.sources import device_root

    found = []
    for model in _MODELS:
        slot = folder / model
        for path, content in device_model.files(profile.load(device_root(), model)):
            target = slot / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        found.append(slot)
    return found


def _compiled(folder: Path) -> Path:
    """The judge and what it loads, as .mpy."""
    from nameplate.factory.compile import compile_module
    from nameplate.factory.sources import device_root

    target = folder / "compiled" / "firmware" / "diagnosis"
    target.mkdir(parents=True)
    for name in _JUDGE:
        source = device_root() / "firmware" / "diagnosis" / f"{name}.py"
        if source.exists():
            (target / f"{name}.mpy").write_bytes(
                compile_module(source.read_bytes(), f"firmware/diagnosis/{name}.py")
            )
    return folder / "compiled"


def _sizes(folder: Path, slots: list[Path]) -> dict[str, int]:
    """Bytes that one more sensor of each of the models holds, by "model sensor (kind)"."""
    node = shutil.which("node")
    if node is None:
        raise NameplateError(
            "the diagnosis cost benchmark needs Node", "install Node 18 or newer, then run again"
        )
    root = folder / "guest"
    _guest(root / "fs", slots)
    shutil.copy(_DEVICE / "diagnosis_guest.py", root / "guest.py")
    done = subprocess.run(
        [node, str(_DEVICE / "diagnosis_cost.mjs"), str(package()), str(root)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
        raise NameplateError(
            f"sensors cannot be made on the 32-bit interpreter: {said[-1]}", "Node 18 or newer?"
        )
    found: dict[str, int] = json.loads(done.stdout)
    return found


def _guest(fs: Path, slots: list[Path]) -> None:
    from nameplate.factory.sources import device_root

    for part in ("firmware/__init__.py", "firmware/sensors", "lib"):
        source = device_root() / part
        if source.is_dir():
            shutil.copytree(source, fs / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (fs / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, fs / part)
    # One profile for each sensor, with it alone.
    specs: dict[str, Any] = {}
    for slot in slots:
        profile = json.loads((slot / "models/profile.json").read_text())
        for sensor in profile["sensors"]:
            sensor.pop("agrees", None)
            name = f"{profile['model']} {sensor['name']} ({sensor['kind']})"
            specs[name] = {"pins": profile["pins"], "sensors": [sensor]}
    (fs / "specs.json").write_text(json.dumps(specs))


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(json.dumps(row) + "\n")
