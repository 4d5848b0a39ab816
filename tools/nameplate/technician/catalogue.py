"""What a model's codes and sensors mean in words, in each language, from the models that this installation carries.

>>> known = load("KF-320")
>>> known.entry("T01", "de").title
'Kühlraum zu warm'
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nameplate.errors import USAGE, NameplateError
from nameplate.factory import profile
from nameplate.factory.device_model import part_words
from nameplate.factory.sources import device_root

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class FaultText:
    """A fault in words: what is wrong, what to do next, which parts to bring."""

    text: str
    next_step: str
    part: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part to bring: its number, its name in the entry's language, how many."""

    number: str
    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Entry:
    """All that a catalogue says of a code in one language.

    `severity` is "notice", "warning" or "alarm", `cause` one of "product", "installation", "use", "network", "sensor",
    "unknown". `owner`: a sentence for the owner; `do`: what he can safely do; `blind`: what the verdict cannot see;
    `test`, `expect`: the technician's next test and what it should give; `safety` may be ""; `next`: the short next step.
    """

    code: str
    language: str
    severity: str
    cause: str
    title: str
    owner: str
    do: str
    blind: str
    test: str
    expect: str
    parts: tuple[Part, ...]
    safety: str
    next: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One model's words; empty for an unknown model.

    `faults`: the short English texts by code. `titles`, `kinds`: of sensors, by name; `states`: of contacts, what they are
    called when off and when on. `entries`: by language and code, in
    the order of the model's faults. `labels`: by language, the words for an entry's members, severities and causes.
    """

    faults: Mapping[str, FaultText] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    entries: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict, repr=False)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    model: str = ""
    folder: str = ""
    name: str = ""

    @property
    def languages(self) -> Sequence[str]:
        """The languages there are, English first."""
        return sorted(self.entries, key=lambda language: (language != ENGLISH, language))

    def entry(self, code: str, lang: str = ENGLISH) -> Entry | None:
        """What the catalogue says of `code`; None for an unknown code or language."""
        return self.entries.get(lang, {}).get(code)


def load(model: str) -> Catalogue:
    """The catalogue of the model of that name ("KF-320") or folder ("kf320"); an empty one when this installation does
    not know it, or when its files are wrong."""
    try:
        return find(model)
    except (NameplateError, OSError):
        return Catalogue()  # also a model that the factory would refuse: the codes stand alone


def find(model: str) -> Catalogue:
    """As `load`, but raises NameplateError for a model that is not here, or is wrong, naming what is."""
    root = device_root()
    for folder in profile.models(root):
        if model in (folder, _model_of(root / "models" / folder)):
            return _read(root, folder)
    known = ", ".join(profile.models(root)) or "none"
    raise NameplateError(f"no model {model} in this installation", f"there are: {known}", USAGE)


def _model_of(place: Path) -> str:
    try:
        found = json.loads((place / "profile.json").read_bytes())["model"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""


@cache
def _read(root: Path, folder: str) -> Catalogue:
    checked = profile.load(root, folder)
    sensors = checked.content["sensors"]
    entries = {
        language: {given["code"]: _entry(given, language) for given in found}
        for language, found in checked.catalogue.items()
    }
    return Catalogue(
        faults={given["code"]: _fault_text(given) for given in checked.catalogue[ENGLISH]},
        titles={sensor["name"]: sensor["title"] for sensor in sensors},
        kinds={sensor["name"]: sensor["kind"] for sensor in sensors},
        states={sensor["name"]: tuple(sensor["words"]) for sensor in sensors if "words" in sensor},
        entries=entries,
        labels=checked.labels,
        model=checked.model,
        folder=folder,
        name=checked.name,
    )


def _fault_text(given: Mapping[str, Any]) -> FaultText:
    return FaultText(given["title"], given["next"], part_words(given["parts"]))


def _entry(given: Mapping[str, Any], language: str) -> Entry:
    parts = tuple(Part(number, name, quantity) for number, name, quantity in given["parts"])
    return Entry(language=language, **{**given, "parts": parts})
