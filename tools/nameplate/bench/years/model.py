"""A model as the device has it, for the judge; and as its source has it, for the physics."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nameplate.factory import rules, thermistor
from nameplate.factory.sources import device_root

MODELS = ("kf320", "gs45", "wm90")


@dataclass(frozen=True)
class Model:
    """`content`: the profile's source; `profile` and `rules`: the files of the slot; `chips`: those with every sensor."""

    folder: str
    root: Path
    content: dict[str, Any]
    profile: bytes
    rules: bytes

    @property
    def sensor_codes(self) -> frozenset[str]:
        """The codes that say that a sensor is faulty."""
        return frozenset(fault["code"] for fault in self.content["faults"] if fault["rule"] == "health")

    def rule(self, code: str) -> dict[str, Any]:
        """The rule of that code in the profile."""
        found: dict[str, Any] = next(fault for fault in self.content["faults"] if fault["code"] == code)
        return found

    def chips(self) -> list[str]:
        """Chips that have a pin for every sensor."""
        return [chip for chip, pins in self.content["pins"].items() if None not in pins.values()]


def load(folder: str) -> Model:
    """The model in models/`folder`. Raises NameplateError when it is refused."""
    root = device_root()
    content = json.loads((root / "models" / folder / "profile.json").read_text())
    sensors = []
    for spec in content["sensors"]:
        made = {}
        if spec["kind"] == "ntc":
            made = thermistor.device_fields(
                thermistor.load(root, spec["part"]), spec["pull_up_ohm"], spec["supply_uv"]
            )
        sensors.append({**spec, **made})
    compiled = rules.compile_rules(content)
    faults = [[rule.code, rule.severity, rule.kind, rule.sensor] for rule in rules.read_rules(compiled)]
    profile = {"pins": content["pins"], "sensors": sensors, "faults": faults}
    return Model(folder, root, content, json.dumps(profile).encode(), compiled)
