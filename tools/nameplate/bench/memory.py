"""The heap that the agent holds, measured on a 32-bit interpreter, in all and by module.

The device's compiled code boots on MicroPython's WebAssembly port (npm's @micropython/micropython-webassembly-pyscript,
under Node), whose objects are as large as a chip's; stand-ins take the place of pins, radio and NVS. What the build
itself holds (asyncio, umqtt, which are frozen into a chip's) is there before, and not counted. The radio never joins:
an open connection and a console that is being asked come on top.

`python -m nameplate.bench.memory` prints the figures alone.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.errors import NameplateError

CODE_LIMIT = 48 * 1024
DATA_LIMIT = 16 * 1024
# The plan's: a build is not stopped for the bytes that one more name or a longer text costs.
SLACK = 0.05
_DEVICE = Path(__file__).parent / "device"
_LIBRARY = Path("node_modules/@micropython/micropython-webassembly-pyscript")
_PERIOD_S = 10


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures of a boot and 100 heartbeats, which takes some ten seconds.

    Raises NameplateError when Node or the interpreter is missing, or the agent does not run there.
    """
    run = _run()
    if run["problems"]:
        raise NameplateError(
            f"the agent was not whole: {', '.join(run['problems'])}", "mend it before measuring"
        )
    pools = run["pools"]
    # All that stays of the code, the names of what is dropped included: interned names stay.
    code = run["code"] + pools
    slack = {"slack": SLACK}
    booted, worked = run["booted"] + pools, run["worked"] + pools
    yield _figure("heap live after boot", booted, CODE_LIMIT + DATA_LIMIT) | slack
    yield _figure("heap live after 100 heartbeats", worked, CODE_LIMIT + DATA_LIMIT) | slack
    yield _figure("heap held by code", code, CODE_LIMIT) | slack
    yield _figure("heap held by data after boot", booted - code, DATA_LIMIT) | slack
    yield _figure("heap held by data after 100 heartbeats", worked - code, DATA_LIMIT) | slack
    yield _figure("heap held by the index of names (code)", pools, None)
    yield {**_figure("names interned", run["names"], None), "unit": "names"}
    for file in sorted(run["files"], key=lambda file: (not file["kept"], -file["bytes"])):
        kind = "file that stays" if file["kept"] else "file dropped after use"
        yield _figure(f"heap of {file['name']} ({kind})", file["bytes"], None)
    for module in sorted(run["modules"], key=lambda module: -module["bytes"]):
        yield _figure(f"heap of {module['name']} (code, in {module['file']})", module["bytes"], None)


def _run() -> dict[str, Any]:
    library = package()
    node = shutil.which("node")
    if node is None:
        raise NameplateError("the memory benchmark needs Node", "install Node 18 or newer, then run again")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _guest(folder)
        done = subprocess.run(
            [node, str(_DEVICE / "memory.mjs"), str(library), str(folder)],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
        raise NameplateError(
            f"the agent does not run on the 32-bit interpreter: {said[-1]}",
            "run `node --version`: 18 or newer is needed",
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def package() -> Path:
    """The folder of the 32-bit interpreter. Raises NameplateError when it is missing."""
    for folder in Path(__file__).resolve().parents:
        if (folder / _LIBRARY / "micropython.mjs").is_file():
            return folder / _LIBRARY
    raise NameplateError("the memory benchmark needs a 32-bit MicroPython", "run `npm ci` in a checkout")


def _guest(folder: Path) -> None:
    """What the interpreter finds: the slot as compiled for the image, a unit's NVS, umqtt, and the stand-ins."""
    from nameplate.factory import names, partitions, sources
    from nameplate.factory.bundle import ENTRY, RESIDENT
    from nameplate.factory.code import Code
    from nameplate.factory.image import build_image
    from nameplate.factory.keys import make_keys
    from nameplate.factory.littlefs_image import FileSystem
    from nameplate.factory.provision import provision
    from nameplate.factory.request import ProvisionRequest
    from nameplate.sim import frozen

    keys = make_keys(folder / "keys", oem="Acme", oemid=32473)
    build_image("kf320", folder / "image.bin")
    provision(
        ProvisionRequest(
            serial="4F7-220918",
            made="2026-03-02",
            revision="C",
            warranty={"parts": 24, "compressor": 120},
            support_until="2036-03-02",
            report_url="https://report.example/v1",
            wifi_ssid="Kitchen",
            wifi_psk="correct horse",
            broker_url="mqtt://192.0.2.1:1883",
            period_s=_PERIOD_S,
        ),
        image=folder / "image.bin",
        out=folder / "unit.bin",
        keys=keys.directory,
        registry=folder / "register.sqlite",
    )
    flash = (folder / "unit.bin").read_bytes()
    system = FileSystem(flash[partitions.VFS.offset : partitions.VFS.end])
    root = folder / "fs"
    (root / "data").mkdir(parents=True)
    for path, _ in system.files():
        if path.startswith(("/a/", "/p256")):
            target = root / path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(system.read(path))
    shutil.copytree(frozen.ensure() / "umqtt", root / "frozen" / "umqtt")
    (root / "unit.json").write_text(json.dumps(_nvs(flash)))
    code = Code(sources.device_root())
    renamed = {**code.names.renamed, "build()": code.exported("firmware.build", "build")}
    (root / "renamed.json").write_text(json.dumps(renamed))
    (root / "a/beginning").mkdir()
    stays: dict[str, list[str]] = {}
    for bundle in (ENTRY, RESIDENT):
        stays[bundle.replace(".", "_")] = names_of = []
        for index, (module, compiled) in enumerate(code.beginnings(bundle)):
            (root / f"a/beginning/{bundle.replace('.', '_')}_{index}.mpy").write_bytes(compiled)
            names_of.append(module)
    (folder / "modules.json").write_text(json.dumps(stays))
    shutil.copy(_DEVICE / "guest.py", folder / "guest.py")
    shutil.copy(names.ROM_FILE, folder / "fs/rom_names.txt")


def _nvs(flash: bytes) -> dict[str, dict[str, Any]]:
    from nameplate.factory import partitions
    from nameplate.factory.nvs_image import NAMESPACE
    from nameplate.sim.nvs_pages import Storage

    class Chip:
        def read(self, address: int, size: int) -> bytes:
            return flash[address : address + size]

        def program(self, address: int, data: bytes) -> None:
            raise ValueError("read only")

        def erase(self, address: int, size: int) -> None:
            raise ValueError("read only")

    entries = Storage(Chip(), partitions.NVS.offset, partitions.NVS.size).contents()[NAMESPACE]
    return {
        "blobs": {
            key: base64.b64encode(value).decode()
            for key, value in entries.items()
            if isinstance(value, bytes)
        },
        "integers": {key: value for key, value in entries.items() if isinstance(value, int)},
    }


def _figure(metric: str, value: int, limit: int | None) -> dict[str, Any]:
    return {
        "metric": metric,
        "value": value,
        "unit": "bytes",
        "limit": limit,
        "ratio": None if limit is None else round(value / limit, 3),
        "simulated": True,
    }


if __name__ == "__main__":
    for figure in measure():
        sys.stdout.write(json.dumps(figure) + "\n")
