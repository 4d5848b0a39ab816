"""The second copy of a unit's records, as files of its file system: what `firmware/mirror.py` and `boots.py` read.

Made with the unit, so that one whose NVS is lost at its very first start is still who it was.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from nameplate.factory.nvs_image import frame

FOLDER = "/data/mirror"
BOOTS_AHEAD = 64
_MAGIC = b"NPM1"
# As SETS in firmware/mirror.py.
_SETS = {
    "unit": ("unit", "binding", "identity", "anchors", "dev"),
    "settings": ("settings",),
    "broker": ("broker_ca", "broker_cert", "broker_key"),
}


def mirror_files(blobs: Mapping[str, bytes], *, dev: bool, bootcount: int = 0) -> dict[str, bytes]:
    """Path to content of the files that mirror `blobs` (NVS key to payload) and a boot count that stands at `bootcount`."""
    records = {**blobs, "dev": b"\1" if dev else b""}
    mark = struct.pack("<I", zlib.crc32(blobs["unit"]))
    files = {
        f"{FOLDER}/{name}": _file(mark, [records.get(key, b"") for key in keys])
        for name, keys in _SETS.items()
        if any(key in blobs for key in keys)
    }
    return {**files, f"{FOLDER}/boots": frame(struct.pack("<II", bootcount, bootcount + BOOTS_AHEAD))}


def _file(mark: bytes, records: list[bytes]) -> bytes:
    body = b"".join(struct.pack("<H", len(record)) + record for record in records)
    return _MAGIC + mark + body + struct.pack("<I", zlib.crc32(_MAGIC + mark + body))
