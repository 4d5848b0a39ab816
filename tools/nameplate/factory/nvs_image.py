"""One unit's NVS partition, in ESP-IDF's page format, with the framing that the firmware checks.

Every blob is `NP1`, the CRC-32 of its payload (little endian) and the payload, so that damage is told apart
from absence on a chip whose NVS may be erased or torn at any time.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from nameplate.factory.partitions import NVS
from nameplate.factory.refused import Refused

NAMESPACE = "nameplate"
MAGIC = b"NP1"
BLOB_LIMIT = 4000
KEY_LIMIT = 15
_PAGE = 4096
_RADIO_PAGES = 1  # the radio keeps its calibration (1.9 KB) and Wi-Fi's own settings there


def frame(payload: bytes) -> bytes:
    """A payload as the firmware stores it: magic, CRC-32, payload."""
    return MAGIC + struct.pack("<I", zlib.crc32(payload)) + payload


def unframe(blob: bytes) -> bytes:
    """The payload of a framed blob. Raises ValueError when it is not one, or its CRC is wrong."""
    if len(blob) < 7 or blob[:3] != MAGIC:
        raise ValueError("not a framed blob")
    if struct.unpack("<I", blob[3:7])[0] != zlib.crc32(blob[7:]):
        raise ValueError("the blob's CRC does not match")
    return blob[7:]


def compact_json(value: Mapping[str, Any]) -> bytes:
    """JSON as it is stored on the device: UTF-8, no spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def write_nvs(blobs: Mapping[str, bytes], integers: Mapping[str, int], size: int = NVS.size) -> bytes:
    """The partition of `size` bytes holding `blobs` (payloads, framed here) and 32-bit `integers`.

    Raises Refused when a blob or the whole does not fit: one page is kept free for NVS itself, one for the radio.
    """
    # Imported here: it brings a whole terminal toolkit with it.
    from esp_idf_nvs_partition_gen import nvs_partition_gen as generator  # type: ignore[import-untyped]

    out = io.BytesIO()
    # The generator's own command line keeps one page back; the API wants that done by its caller.
    own = size - _RADIO_PAGES * _PAGE
    writer = generator.nvs_open(out, own - _PAGE, version=generator.Page.VERSION2)
    try:
        generator.write_entry(writer, NAMESPACE, "namespace", "", "")
        for key, payload in blobs.items():
            blob = frame(payload)
            if len(key) > KEY_LIMIT:
                raise ValueError(f"NVS key {key} is longer than {KEY_LIMIT} characters")
            if len(blob) > BLOB_LIMIT:
                raise Refused(
                    f"the unit's {key} record takes {len(blob)} bytes, more than {BLOB_LIMIT}",
                    "shorten its names and addresses, or the number of warranty parts",
                )
            generator.write_entry(writer, key, "data", "hex2bin", blob.hex())
        for key, number in integers.items():
            generator.write_entry(writer, key, "data", "i32", str(number))
    except generator.InsufficientSizeError as error:
        raise Refused(
            f"the unit's records do not fit {size} bytes of NVS, of which {own - _PAGE} are for them",
            "shorten its names and addresses",
        ) from error
    generator.nvs_close(writer)
    image = out.getvalue()
    if len(image) != own:
        raise ValueError(f"the NVS generator wrote {len(image)} bytes instead of {own}")
    return image.ljust(size, b"\xff")
