"""What is made to fail: each fault of the appliances in physics at three severities.

`codes` are those that say what happened; `follows` are further ones that are true of it too (a fridge whose compressor is
dead gets warm): neither is a wrong alarm, and only `codes` count as having found it.
"""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("mild", "typical", "severe")


@dataclass(frozen=True)
class Fault:
    """One fault: amounts of the physics' parts at mild, typical and severe; days from its onset that it is given."""

    name: str
    codes: tuple[str, ...]
    amounts: tuple[dict[str, float], dict[str, float], dict[str, float]]
    days: tuple[float, float, float] = (4, 4, 4)
    ramp_days: tuple[float, float, float] = (0, 0, 0)
    follows: tuple[str, ...] = ()
    trend: str | None = None  # the code whose predictions this fault is to be judged by
    fine: bool = False  # it is a matter of minutes: a sample a minute, not one in five


def _grades(part: str, mild: float, typical: float, severe: float) -> tuple[dict[str, float], ...]:
    return ({part: mild}, {part: typical}, {part: severe})


def _fault(name: str, codes: str, part: str, grades: tuple[float, float, float], **more: object) -> Fault:
    amounts = _grades(part, *grades)
    return Fault(name, tuple(codes.split()), amounts, **more)  # type: ignore[arg-type]


_WARM = ("T01", "T03", "C01", "C02", "C03")
FRIDGE = (
    _fault("water in the pan: condensate, tap water, salty water", "L01", "pan_siemens", (1 / 18e3, 1 / 6e3, 1 / 1500), days=(1, 1, 1), follows=("L02",), fine=True),
    _fault("drain blocked: the pan is wet after each defrost", "L02", "pan_after_defrost_siemens", (1 / 18e3, 1 / 6e3, 1 / 1500), days=(10, 10, 10), follows=("L01",)),
    _fault("air to the fridge blocked by 70, 90, 100 %", "T01", "damper_shut", (0.7, 0.9, 1.0), days=(6, 6, 6), follows=("C02", "C03")),
    _fault("damper stuck open by 40, 70, 100 %", "T02", "damper_open", (0.4, 0.7, 1.0), days=(6, 6, 6), follows=("C02", "C03", "T03")),
    _fault("freezer seal leaks 2.5, 5, 9 W/K", "T03", "freezer_seal", (2.5, 5.0, 9.0), follows=_WARM),
    _fault("compressor with 15, 5, 0 % of its capacity", "C01", "capacity_lost", (0.85, 0.95, 1.0), follows=_WARM),
    _fault("compressor with 60, 50, 40 % of its capacity", "C02", "capacity_lost", (0.40, 0.50, 0.60), days=(8, 8, 8), follows=_WARM),
    Fault("compressor's relay stuck on; with a seal that leaks 1, 2 W/K", ("C02",),
          ({"compressor_stuck": 1}, {"compressor_stuck": 1, "seal": 1}, {"compressor_stuck": 1, "seal": 2}),
          days=(8, 8, 8), follows=("T02", *_WARM)),
    _fault("refrigerant lost: 55, 70, 85 % of the capacity in 120, 80, 50 days", "C03", "capacity_lost", (0.55, 0.70, 0.85), days=(120, 90, 60), ramp_days=(120, 80, 50), follows=_WARM, trend="C03"),
    _fault("condenser furs up by 70, 85, 100 % in 120, 90, 60 days", "C03", "condenser", (0.7, 0.85, 1.0), days=(120, 90, 60), ramp_days=(120, 90, 60), follows=_WARM, trend="C03"),
    _fault("door left open by a finger, a hand, wide", "D01", "ajar", (0.08, 0.3, 1.0), days=(1, 1, 1), follows=_WARM, fine=True),
    _fault("end of defrost not seen: 1.5, 4, 24 hours", "D02", "defrost_limit_h", (1.5, 4, 24), follows=(*_WARM, "L01")),
    _fault("defrost heater with 60, 20, 0 % of its power", "T01 T03 C01 C02 C03", "heater_dead", (0.4, 0.8, 1.0), days=(30, 30, 30), follows=("D02",)),
    _fault("fridge door seal leaks 1, 3, 6 W/K", "T01 C02 C03", "seal", (1, 3, 6), days=(8, 8, 8), follows=_WARM),
)  # fmt: skip
_FLOOR = ("L01", "L02", "L03")


def _shared(*trends: str) -> tuple[Fault, ...]:
    """What both wet machines can suffer; `trends`: the codes of the model that tell of the same over weeks."""
    fills = tuple(code for code in trends if code == "F03")
    heats = tuple(code for code in trends if code == "H03")
    return (
        _fault("heater with 15, 5, 0 % of its power", "H01", "heater_lost", (0.85, 0.95, 1.0), days=(10, 10, 10), follows=heats),
        _fault("inlet strainer clogged by 75, 88, 98 %", "F01", "inlet_clogged", (0.75, 0.88, 0.98), days=(10, 10, 10), follows=fills),
        _fault("drain pump with 10, 6, 0 % of its flow", "F02", "drain_weak", (0.90, 0.94, 1.0), days=(10, 10, 10)),
        _fault("door opened with water in, 20, 40, 120 minutes", "D01", "door_opened", (1200, 2400, 7200), days=(10, 10, 10), follows=("F02", "F01")),
    )  # fmt: skip


DISHWASHER = (
    Fault("water in the base; float bobs 70, 30, 0 % of the time", ("L01",),
          ({"leak": 1, "bobbing": 0.7}, {"leak": 1, "bobbing": 0.3}, {"leak": 1}),
          days=(10, 10, 10), follows=("L02",)),
    Fault("each programme leaks into the base", ("L02",),
          ({"leak": 1, "bobbing": 0.5}, {"leak": 1, "bobbing": 0.2}, {"leak": 1}),
          days=(14, 14, 14), follows=("L01",)),
    _fault("water on the floor: condensate, tap water, suds", "L03", "leak_siemens", (1 / 40e3, 1 / 12e3, 1 / 3e3), days=(10, 10, 10), follows=("L01", "L02")),
    Fault("heater's relay stuck on; with its own sensor low; and with scale", ("H02",),
          ({"target_high": 16}, {"target_high": 25}, {"heater_stuck": 1}), days=(10, 10, 10), follows=("L01",)),
    *_shared("F03"),
    _fault("strainer clogs by 60, 75, 90 % in 150, 110, 80 days", "F03", "inlet_clogged", (0.60, 0.75, 0.90), days=(150, 120, 90), ramp_days=(150, 110, 80), follows=("F01",), trend="F03"),
)  # fmt: skip
WASHER = (
    _fault("water under the machine: condensate, tap water, suds", "L01", "leak_siemens", (1 / 18e3, 1 / 6e3, 1 / 1500), days=(10, 10, 10), follows=("L02",)),
    _fault("each programme leaks: condensate, tap water, suds", "L02", "leak_siemens", (1 / 18e3, 1 / 6e3, 1 / 1500), days=(14, 14, 14), follows=("L01",)),
    _fault("heater's relay stuck on: 100 % of the time with water in", "H02", "heater_stuck", (1, 1, 1), days=(10, 10, 10)),
    *_shared("H03"),
    _fault("heater loses 35, 50, 70 % of its power in 150, 110, 80 days", "H03", "heater_lost", (0.35, 0.50, 0.70), days=(150, 120, 90), ramp_days=(150, 110, 80), follows=("H01",), trend="H03"),
)  # fmt: skip
PRODUCT = {"kf320": FRIDGE, "gs45": DISHWASHER, "wm90": WASHER}
