"""A board's bytes as text that is safe to show: no control characters, no escape sequences, no tricks."""

from __future__ import annotations

import re
import unicodedata

# ECMA-48: CSI sequences, OSC and other strings up to their terminator, and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|\Z)|[ -/]*[0-~])")
# Categories that move the cursor, hide or reorder text: control, format, surrogate, private, line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(data: bytes | str, limit: int = 4096) -> str:
    """One safe line of at most `limit` characters; bytes that are not UTF-8 become the replacement mark."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    text = _ESCAPES.sub("", text)
    spaced = (" " if c in "\t\r\n" or unicodedata.category(c) == "Zs" else c for c in text)
    safe = "".join(c for c in spaced if unicodedata.category(c) not in _UNSAFE)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"
