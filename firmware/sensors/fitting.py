"""Makes the sensors of a profile, once, at the start, and is forgotten.

A sensor whose pin cannot be had is made and stays unknown; one whose part of the profile is damaged is left out; both
are told, and neither silences another. A pin that is null means that this chip has no such sensor. Kinds that few
models have are loaded for those that do; their instances keep what they need alive.
"""

from binascii import a2b_base64

from lib import rare

# A field's last word says that it is a number.
_NUMBERS = ("uv", "ohm", "ms", "milli", "s", "ppm", "k")
_TEXTS = ("name", "title", "kind", "table", "active")
_SPECIAL = ("firmware.sensors.fitting_special",)


def fit(profile, board, ticks, kinds):
    """(sensors, problems in words). `kinds`: the classes that are there already, by kind."""
    sensors = []
    problems = []
    pins = profile["pins"].get(board.chip, {})
    for place, spec in enumerate(profile["sensors"]):
        name = f"sensor {place}"
        try:
            name = spec["name"]
            if pins.get(name, -1) is None:
                continue
            word = spec["kind"]
            kind = kinds.get(word)
            source_of = _source
            if kind is None:
                from firmware.sensors import fitting_special

                kind = fitting_special.kind(word)
                source_of = fitting_special.source
            if kind is None:
                problems.append(f"{name}: kind {word} not known")
                continue
            _check(spec)
            source = None
            try:
                source = source_of(word, name, pins, board)
            except (ImportError, KeyError, OSError, ValueError) as problem:  # no such pin on this chip
                problems.append(f"{name}: no pin, {type(problem).__name__}")
            sensors.append(kind(spec, source, ticks))
        except Exception as problem:  # noqa: BLE001 - whatever is damaged in it, the others live
            problems.append(f"{name}: damaged, {problem!r}")
    for spec in profile["sensors"]:
        try:
            if spec.get("agrees"):
                from firmware.sensors import fitting_special

                fitting_special.pair(spec, sensors, ticks)
        except Exception as problem:  # noqa: BLE001 - likewise
            problems.append(f"agreement: damaged, {problem!r}")
    rare.forget(_SPECIAL)
    return sensors, problems


def _check(spec):
    """Raises ValueError for what would fail later, in the middle of a sample: flash may give back other bytes."""
    for field, value in spec.items():
        number = field.rpartition("_")[2] in _NUMBERS
        if (number and type(value) is not int) or (field in _TEXTS and not isinstance(value, str)):
            raise ValueError(field)
    if spec["sample_ms"] <= 0 or spec["stale_ms"] <= 0:
        raise ValueError("sample_ms")
    if "table" in spec:
        table = a2b_base64(spec["table"])
        points = [table[at] | table[at + 1] << 8 for at in range(0, len(table) - 1, 2)]
        if len(points) < 2 or spec["step_milli"] <= 0:
            raise ValueError("table")
        for at in range(1, len(points)):
            if points[at] >= points[at - 1]:
                raise ValueError("table")


def _source(word, name, pins, board):
    return board.pin_in(pins[name]) if word == "switch" else board.adc(pins[name])
