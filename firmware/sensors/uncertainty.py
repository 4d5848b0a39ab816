"""How far a temperature may be off: plus-minus thousandths of a degree, for about 95 of 100 parts. Loaded when asked for.

A thermistor's comes from the converter's error on that chip and from the part's tolerances, each turned into
microvolts and by the slope of the sensor's own table into degrees. Their limits add up as the root of squares, since they
have nothing to do with each other. Not in it: the tolerance of the pull-up and of the supply, which docs/sensors.md gives.
"""

# After calibration, at 11 dB, as Espressif's data sheets of the three chips have it, in the table "ADC calibration
# results", total error at ATTEN3: from, to, plus-minus; microvolts.
_CONVERTERS = {
    "esp32": (150000, 2450000, 60000),
    "esp32c3": (0, 2500000, 35000),
    "esp32s3": (0, 2900000, 50000),
}
# A DS18B20, by its data sheet.
_DIGITAL = 500
_DIGITAL_BEYOND = 2000
_K25 = 298150
_UNIT_UV = 64


def milli(spec, chip, raw, milli):
    """Plus-minus of a reading: `spec`, the sensor's part of the profile; `raw` and `milli`, of the reading. None where it is
    not known: beyond what the chip's data sheet speaks of, or no thermometer."""
    kind = spec.get("kind")
    if kind == "ds18b20":
        return _DIGITAL if -10000 <= milli <= 85000 else _DIGITAL_BEYOND
    if kind != "ntc" or chip not in _CONVERTERS:
        return None
    low, high, error = _CONVERTERS[chip]
    slope = _slope(spec, milli)
    if raw is None or not low <= raw <= high or not slope:
        return None
    # One part in a million more of resistance is so many microvolts times a million.
    share = raw * (spec["supply_uv"] - raw) // spec["supply_uv"]
    r_uv = share * spec["r_tol_ppm"] // 1000000
    # ln R = ln R25 + B (1/T - 1/T25): B's error counts the more, the further from 25 degrees.
    away = abs(_K25 - (milli + 273150)) * 1000000 // (milli + 273150)
    b_uv = share * (spec["b_k"] * spec["b_tol_ppm"] // 1000 * away // (_K25 // 1000)) // 10**9
    return root(error**2 + r_uv**2 + b_uv**2) * 1000 // slope


def ohm(spec, raw):
    """The resistance of a thermistor at `raw` microvolts, or None at a rail."""
    if raw is None or not 0 <= raw < spec["supply_uv"]:
        return None
    return spec["pull_up_ohm"] * raw // (spec["supply_uv"] - raw)


def _slope(spec, milli):
    # Microvolts a kelvin, from the table's points on both sides.
    from binascii import a2b_base64

    table = a2b_base64(spec["table"])
    last = len(table) // 2 - 1
    at = (milli - spec["first_milli"]) // spec["step_milli"]
    at = min(max(at, 0), last - 1)
    cold = table[2 * at] | table[2 * at + 1] << 8
    hot = table[2 * at + 2] | table[2 * at + 3] << 8
    return (cold - hot) * _UNIT_UV * 1000 // spec["step_milli"]


def root(square):
    """The whole part of a square root."""
    guess = 1 << (len(bin(square)) // 2)
    while guess * guess > square:
        guess = (guess + square // guess) // 2
    return guess
