"""What a model's codes and sensors mean in words, from the profiles that this installation carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from nameplate.errors import NameplateError
from nameplate.factory.sources import device_root


@dataclass(frozen=True, slots=True)
class FaultText:
    """A fault in words: what is wrong, what to do next, which part to bring."""

    text: str
    next_step: str
    part: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One model's words: `faults` by code, `titles` and `kinds` of sensors by name. Empty for an unknown model."""

    faults: Mapping[str, FaultText] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)


def load(model: str) -> Catalogue:
    """The catalogue of the model of that name; an empty one when this installation does not know it."""
    try:
        folder = device_root() / "models"
    except NameplateError:
        return Catalogue()
    for path in sorted(folder.glob("*/profile.json")):
        try:
            profile = json.loads(path.read_bytes())
            if profile["model"] == model:
                return _read(profile)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a profile that the factory would refuse: the codes stand alone
    return Catalogue()


def _read(profile: Mapping[str, list[Mapping[str, str]]]) -> Catalogue:
    faults = {
        fault["code"]: FaultText(fault["text"], fault.get("next", ""), fault.get("part", ""))
        for fault in profile["faults"]
    }
    sensors = profile["sensors"]
    return Catalogue(
        faults,
        {sensor["name"]: sensor.get("title", sensor["name"]) for sensor in sensors},
        {sensor["name"]: sensor["kind"] for sensor in sensors},
    )
