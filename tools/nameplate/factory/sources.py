"""Where the device sources are: the checkout this package runs from, or the copy inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

from nameplate.factory.refused import Refused

PACKAGES = ("firmware", "lib")
_PACKAGE = Path(__file__).resolve().parent.parent


def device_root() -> Path:
    """The folder that holds `boot.py`, `main.py`, `firmware/`, `lib/` and `models/`.

    Raises Refused when neither the wheel's copy nor a checkout is there.
    """
    for root in (_PACKAGE / "_device", _PACKAGE.parent.parent):
        if (root / "boot.py").is_file() and (root / "firmware").is_dir() and (root / "models").is_dir():
            return root
    raise Refused(
        "the device sources (boot.py, firmware/, lib/, models/) are not part of this installation",
        "install the nameplate wheel, or run from a checkout",
    )


def device_modules(root: Path) -> list[Path]:
    """The `.py` files of the device's packages, as paths relative to `root`, in one fixed order."""
    found = (path.relative_to(root) for package in PACKAGES for path in (root / package).rglob("*.py"))
    return sorted((path for path in found if "__pycache__" not in path.parts), key=lambda path: path.parts)
