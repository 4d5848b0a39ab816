"""The type stubs of MicroPython's ESP32 port, oldest and newest supported release.

They go to .build/, never into the environment: there their `requests` and others would shadow the real packages.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_BUILD = Path(__file__).resolve().parent.parent / ".build"
RELEASES = {
    "1.23": ("micropython-esp32-stubs==1.23.0.post2",),
    "1.29": ("micropython-esp32-stubs==1.29.0.post1", "micropython-stdlib-stubs==1.29.0.post2"),
}


def _installer() -> list[str]:
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        return [str(uv), "pip", "install", "--quiet", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def stub_root(release: str) -> Path:
    """The folder with the .pyi files of release "1.23" or "1.29"; installed on first use.

    Raises RuntimeError, with the command that mends it, when they can be neither found nor installed.
    """
    target = _BUILD / f"stubs-{release}"
    if (target / "machine.pyi").is_file():
        return target
    _BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_BUILD) as temporary:
        made = Path(temporary) / "stubs"
        command = [*_installer(), "--no-deps", "--target", str(made), *RELEASES[release]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"no stubs of {release}; with a network, run: {' '.join(command)}\n{done.stderr}"
            )
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    return target


if __name__ == "__main__":  # fetch both while there is a network
    for name in RELEASES:
        print(stub_root(name))
