"""JSON written by people, read strictly: one object, no name twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nameplate.factory.refused import Refused


def read_object(path: Path, hint: str) -> dict[str, Any]:
    """The one JSON object in the file `path`. Raises Refused, never quoting its content."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name is given twice")
        return found

    try:
        value = json.loads(path.read_bytes(), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise Refused(f"{path} line {error.lineno}: {error.msg}", hint) from error
    except RecursionError as error:
        raise Refused(f"{path}: nested too deeply", hint) from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: not UTF-8", hint) from error
    except ValueError as error:
        raise Refused(f"{path}: {error}", hint) from error
    if not isinstance(value, dict):
        raise Refused(f"{path}: not a JSON object", hint)
    return value
