"""Other people's bytes as text that is safe to show: no control characters, no escape sequences, no tricks."""

from __future__ import annotations

import re
import unicodedata

# Categories that can move the cursor, hide or reorder text: control, format (bidirectional overrides),
# surrogates, private use, unassigned, line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# ECMA-48: CSI sequences, OSC and other strings up to their terminator, and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|\Z)|[ -/]*[0-~])")


def clean(text: object) -> str:
    """One line of text that cannot steer the terminal: unsafe characters are dropped, line ends become spaces."""
    spaced = (" " if c in "\t\r\n" or unicodedata.category(c) == "Zs" else c for c in str(text))
    return "".join(c for c in spaced if unicodedata.category(c) not in _UNSAFE)


def clean_line(data: bytes | str, limit: int = 4096) -> str:
    """What a board sent as one safe line of at most `limit` characters.

    Escape sequences go as a whole; bytes that are not UTF-8 become the replacement mark.
    """
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    safe = clean(_ESCAPES.sub("", text))
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"
