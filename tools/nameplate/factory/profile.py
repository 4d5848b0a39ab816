"""Models: a profile and its catalogue, read and checked. Every error names the file and line that has to change.

The shape is checked by `models/*.schema.json`; on top of it pins (profile_pins.py), sensors (profile_sensors.py), rules
(profile_rules.py), and the catalogue against all of them (catalogue_source.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from nameplate.factory import catalogue_source, thermistor
from nameplate.factory.catalogue_source import ENGLISH, Entry
from nameplate.factory.model_source import Problem, Source, raise_first, read, spell
from nameplate.factory.profile_pins import pin_faults
from nameplate.factory.profile_rules import rule_faults
from nameplate.factory.profile_sensors import name_faults, sensor_faults
from nameplate.factory.refused import Refused
from nameplate.factory.thermistor import Part

_LANGUAGE = re.compile(r"words\.([a-z]{2})\.json")


@dataclass(frozen=True)
class Profile:
    """One checked model: its profile as written; its catalogue in the order of its faults and the labels of its texts, both
    by language; the thermistors there are, by name."""

    folder: str
    model: str
    name: str
    content: dict[str, Any]
    catalogue: Mapping[str, list[Entry]] = field(default_factory=dict, repr=False)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    parts: Mapping[str, Part] = field(default_factory=dict, repr=False)


def models(root: Path) -> list[str]:
    """The folders of `models/` that hold a profile."""
    return sorted(path.parent.name for path in (root / "models").glob("*/profile.json"))


def load(root: Path, folder: str) -> Profile:
    """The model `models/FOLDER` under `root`, checked: profile, catalogue and every language.

    Raises Refused naming the file and line of the first fault, or the models there are.
    """
    place = root / "models" / folder
    if folder not in models(root):
        known = ", ".join(models(root)) or "none"
        raise Refused(f"no model {folder} in models/", f"models with a profile: {known}")
    parts = {name: thermistor.load(root, name) for name in thermistor.parts(root)}
    text = (place / "profile.json").read_bytes()
    content = check(text, schema(root, "schema"), f"models/{folder}/profile.json", parts)
    catalogue, labels = _catalogue(root, folder, content, parts)
    return Profile(folder, content["model"], content["name"], content, catalogue, labels, parts)


def schema(root: Path, name: str) -> Draft202012Validator:
    """The validator of `models/NAME.json`."""
    return Draft202012Validator(json.loads((root / "models" / f"{name}.json").read_bytes()))


def check(text: bytes, shape: Draft202012Validator, shown: str, parts: Mapping[str, Part]) -> dict[str, Any]:
    """The profile in `text` (called `shown` in errors), checked. Raises Refused naming the line."""
    source = read(text, shown)
    raise_first(_shape(source, shape))
    content = source.content
    assert isinstance(content, dict)
    raise_first(source.problem(where, message) for where, message in name_faults(content))
    found = [*pin_faults(content), *sensor_faults(content, parts), *rule_faults(content)]
    raise_first(source.problem(where, message) for where, message in found)
    return content


def _shape(source: Source, shape: Draft202012Validator) -> Iterator[Problem]:
    for error in shape.iter_errors(source.content):
        where = tuple(error.instance_path)
        yield source.problem(where, f"{spell(where)}: {error.message}")


def _catalogue(
    root: Path, folder: str, content: Mapping[str, Any], parts: Mapping[str, Part]
) -> tuple[dict[str, list[Entry]], dict[str, dict[str, str]]]:
    place = root / "models" / folder
    shown = f"models/{folder}/catalogue.json"
    if not (place / "catalogue.json").is_file():
        raise Refused(f"{shown} line 1: there is no such file", "docs/catalogue.md says how to write one")
    catalogue = read((place / "catalogue.json").read_bytes(), shown)
    raise_first(_shape(catalogue, schema(root, "catalogue.schema")))
    raise_first(catalogue_source.catalogue_faults(catalogue, content, parts))
    languages = {
        found.group(1): path
        for path in sorted(place.glob("words.*.json"))
        if (found := _LANGUAGE.fullmatch(path.name))
    }
    if ENGLISH not in languages:
        raise Refused(
            f"models/{folder}/words.en.json line 1: there is no such file", "the panel speaks English"
        )
    shape = schema(root, "words.schema")
    made: dict[str, list[Entry]] = {}
    labels = {}
    for order, (language, path) in enumerate(languages.items()):
        words = read(path.read_bytes(), f"models/{folder}/{path.name}", order)
        raise_first(_shape(words, shape))
        raise_first(catalogue_source.words_faults(words, catalogue))
        made[language], problems = catalogue_source.entries(catalogue, words, language, content, parts)
        raise_first(problems)
        labels[language] = words.content["labels"]
    return made, labels
