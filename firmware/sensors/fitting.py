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
_OPTIONAL = (
    "firmware.sensors.float_switch", "firmware.sensors.probe", "firmware.sensors.ds18b20", "firmware.sensors.pair",
)  # fmt: skip


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
            kind = _kind(spec["kind"], kinds)
            if kind is None:
                problems.append(f"{name}: kind {spec['kind']} not known")
                continue
            _check(spec)
            source = None
            try:
                source = _source(kind.kind, name, pins, board)
            except (ImportError, KeyError, OSError, ValueError) as problem:  # no such pin on this chip
                problems.append(f"{name}: no pin, {type(problem).__name__}")
            sensors.append(kind(spec, source, ticks))
        except Exception as problem:  # noqa: BLE001 - whatever is damaged in it, the others live
            problems.append(f"{name}: damaged, {problem!r}")
    for spec in profile["sensors"]:
        try:
            if spec.get("agrees"):
                _pair(spec, sensors, ticks)
        except Exception as problem:  # noqa: BLE001 - likewise
            problems.append(f"agreement: damaged, {problem!r}")
    rare.forget(_OPTIONAL)
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


def _kind(word, kinds):
    if word == "float":
        from firmware.sensors.float_switch import Float

        return Float
    if word == "probe":
        from firmware.sensors.probe import Probe

        return Probe
    if word == "ds18b20":
        from firmware.sensors.ds18b20 import Ds18b20

        return Ds18b20
    return kinds.get(word)


def _source(word, name, pins, board):
    if word in ("leak", "ntc"):
        return board.adc(pins[name])
    if word == "probe":
        drives = board.pin_out(pins[name + "_a"]), board.pin_out(pins[name + "_b"])
        return board.adc(pins[name]), drives[0], drives[1]
    if word == "ds18b20":
        return board.onewire(pins[name])
    return board.pin_in(pins[name])


def _pair(spec, sensors, ticks):
    from firmware.sensors.pair import Pair

    rule = spec["agrees"]
    named = {sensor.name: sensor for sensor in sensors}
    one, other = named.get(spec["name"]), named.get(rule["sensor"])
    if one is not None and other is not None:
        fresh_ms = max(one.stale_ms, other.stale_ms)
        one.pair = other.pair = Pair(one, other, rule["within_milli"], rule["for_s"] * 1000, fresh_ms, ticks)
