"""The console's command about what is measured. Loaded for it, and forgotten with it."""

from firmware.console.lines import age, flow, kohm
from firmware.panel import celsius
from firmware.sensors import specs
from firmware.sensors.known import known

_LIVE_S = 60
_LOOK_MS = 50
_ABOUT = {
    "open": "OPEN CIRCUIT", "short": "SHORT CIRCUIT", "stale": "NO FRESH READING", "unknown": "NEVER READ",
    "out of range": "OUT OF RANGE: nothing here can be so", "stuck": "STUCK: has not moved",
    "implausible": "IMPLAUSIBLE: faster than it can be, or against another sensor",
}  # fmt: skip


def sensors(view, how):
    """Each sensor's value and how far to believe it, or what is wrong with it."""
    if how is not None and how.lower() != "live":
        yield "? sensors takes nothing, or live"
        return
    if how is not None:
        yield from _live(view)
        return
    station = view.station
    ages = station.ages_s()
    readings = station.readings()
    for index, (spec, pm, ohm) in enumerate(known(view.chip, readings)):
        sensor, reading = station.sensors[index], readings[index]
        text = _value(sensor, reading, spec, pm) + ", " + sensor.title
        for more in (kohm(ohm), _raw(sensor, reading), _ago(ages[index])):
            if more:
                text += ", " + more
        yield from flow(sensor.name, text)
    for problem in station.problems:
        yield from flow("!", problem, 1)


def _value(sensor, reading, spec, pm):
    if reading.quality != "ok":
        return _wrong(sensor, reading.quality, spec)
    if sensor.kind == "switch":
        words = spec.get("words", ("off", "on"))
        return words[1 if reading.state else 0] + " ok"
    if reading.state is not None:
        return ("WET" if reading.state else "dry") + (" (damp) ok" if sensor.damp else " ok")
    text = celsius(reading.milli) + " C"
    return text + (f" +-{celsius(pm + 49)} ok" if pm is not None else " ok")


def _wrong(sensor, quality, spec):
    text = _ABOUT[quality]
    if quality == "stuck":
        text += f" for {age(spec.get('stuck_s', 0))} or more"
    elif sensor.kind == "probe" and quality == "implausible":
        text = "IMPLAUSIBLE: its two directions disagree"
    elif sensor.kind == "ds18b20" and sensor.why:
        text += ": " + sensor.why
    if sensor.kind == "switch":
        return text + " (not known)"
    return text + (" (not a temperature)" if sensor.unit == "Cel" else " (neither wet nor dry)")


def _raw(sensor, reading):
    if reading.raw is None:
        return ""
    if sensor.kind in ("switch", "float"):
        return f"level {reading.raw}"
    if sensor.kind == "ds18b20":
        return f"register {reading.raw & 0xFFFF:#06x}"
    return f"{reading.raw // 1000} mV"


def _ago(seconds):
    if seconds is None:
        return ""
    return age(seconds) + " ago" if seconds else "now"


def _live(view):
    """A line a second, until somebody types or a minute is over: for whoever shakes a plug."""
    began = view.clock.uptime_s()
    words = {}
    for spec in specs.each():
        words[spec.get("name")] = spec.get("words", ("off", "on"))
    yield f"every second for {_LIVE_S} s; Enter ends it"
    last = None
    while True:
        passed = view.clock.uptime_s() - began
        if passed >= _LIVE_S:
            return
        if passed != last:
            last = passed
            said = [_brief(reading, words) for reading in view.station.readings()]
            yield from flow(f"{passed} s", " ".join(said), 4)
        if (yield _LOOK_MS):
            return


def _brief(reading, words):
    if reading.quality != "ok":
        text = "?" + reading.quality
    elif reading.milli is not None:
        text = celsius(reading.milli)
    elif reading.ohm is None and reading.name in words:
        text = words[reading.name][1 if reading.state else 0]
    else:
        text = ("WET" if reading.state else "dry") + "," + kohm(reading.ohm).replace(" ", "")
    return f"{reading.name}={text.replace(' ', '-')}"
