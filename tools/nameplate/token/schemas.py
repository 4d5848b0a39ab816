"""The JSON Schemas of docs/schemas, compiled: the one definition of what a payload may hold.

Every claim set is open: claims that a schema does not name are allowed and ignored.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from nameplate.errors import USAGE, NameplateError

_PACKAGE = Path(__file__).resolve().parent.parent
_PLACES = (_PACKAGE / "_schemas", _PACKAGE.parent.parent / "docs" / "schemas")


def directory() -> Path:
    """Where the schema files are: in the installed package, or in the checkout. Raises NameplateError."""
    for place in _PLACES:
        if (place / "common.json").is_file():
            return place
    raise NameplateError(
        "the JSON Schemas are missing from this installation", "install nameplate again", USAGE
    )


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema `name` made self-contained: what it takes from common.json stands in its own $defs."""
    folder = directory()
    common = json.loads((folder / "common.json").read_text("utf-8"))
    text = (folder / f"{name}.json").read_text("utf-8").replace('"common.json#/', '"#/')
    found: dict[str, Any] = json.loads(text)
    found["$defs"] = {**common["$defs"], **found.get("$defs", {})}
    return found


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema(name))


def is_valid(name: str, value: Any) -> bool:
    """Whether `value` fits the schema `name`."""
    return _validator(name).is_valid(value)


def problem(name: str, value: Any) -> str | None:
    """The first thing wrong with `value` in one sentence that opens with where it is, or None."""
    for error in _validator(name).iter_errors(value):
        where = ".".join(str(step) for step in error.instance_path)
        said = error.message if len(error.message) <= 120 else error.message[:117] + "..."
        return f"{where}: {said}" if where else said
    return None
