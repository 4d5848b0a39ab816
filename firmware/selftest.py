"""The self-test: what can be tried without a tool and without harm, part by part, with a verdict and what was measured.

Loaded when it is asked for. It yields a number of milliseconds to wait, or (part, verdict, what was measured) as each
part ends. Every wait is bounded, and nothing holds the loop for longer than one write to flash: leaks are watched
meanwhile. What cannot be tested from here is "not testable", and says what would have to be done.
"""

import gc
import os
import time

from firmware.console.lines import kohm
from firmware.panel import celsius
from firmware.sensors.known import known

OK = "ok"
WARNING = "warning"
FAILED = "failed"
NOT_TESTABLE = "not testable"

DATA = "/data"
_FILE = "/selftest.tmp"
_BLOCK = 4096
_PIECE = 512
_AGAIN_S = 60  # between two writes to flash, which wears
_LOW_HEAP = 8192
_LOW_SPARE = 8192
_LOW_FLASH = 65536
_WEAK_DBM = -80
_ANALOG = ("leak", "ntc")
_SAMPLES = 32
_NOISY_UV = 20000
_BOTTOM_UV = 1000
_TOP_UV = 3050000  # no ESP32's converter reads beyond, whatever is on its pin
_END_PERCENT = 10
_HINTS = {
    "open": "look at the plug and the wire, then the sensor",
    "short": "look for water in the plug and for a pinched wire",
    "stuck": "it does not move: does it still touch what it measures?",
    "stale": "it answered once, and does no more",
    "out of range": "nothing here can be so",
    "implausible": "it cannot change as it does, or another sensor says otherwise",
    "unknown": "it never answered",
}
_LIGHT = b"\x08"  # to a display's port: its light stays on, nothing is written


def run(view, folder=DATA, ticks=time):
    """Test everything there is. `view`: a console's View; `folder`: where a file may be written."""
    yield from _sensors(view)
    yield from _converter(view)
    yield from _memory(view)
    yield from _flash(view, folder, ticks)
    yield from _clock(view, ticks)
    yield from _radio(view)
    yield from _panel(view)


# Sensors, their loops and what converts them


def _sensors(view):
    readings = view.station.readings()
    for index, (spec, pm, ohm) in enumerate(known(view.chip, readings)):
        sensor, reading = view.station.sensors[index], readings[index]
        part = "loop " if sensor.kind in ("leak", "probe") else "sensor "
        if reading.quality != OK:
            verdict, text = FAILED, _wrong(sensor, reading.quality)
        elif sensor.unit == "Cel":
            verdict, text = OK, _celsius(reading, pm, ohm)
        else:
            verdict, text = _TESTS[sensor.kind](sensor, reading, spec)
        yield part + sensor.name, verdict, text
        yield 0


def _loop(sensor, reading, spec):
    end = spec.get("end_ohm", 0)
    text = kohm(reading.ohm) or "no current at all"
    if reading.state:
        return WARNING, f"{text}, wet: it sees water; dry it, then test again"
    if not end:
        text += ", dry; without an end resistor a cut cable looks the same: bridge it with a wet cloth and see WET"
        return NOT_TESTABLE, text
    text += f", its end resistor has {kohm(end)}"
    if sensor.damp:
        return WARNING, text + ": damp, not wet"
    if reading.ohm is None or abs(reading.ohm - end) * 100 > end * _END_PERCENT:
        return WARNING, text + ": more than 10 % off; moisture, a plug, or the resistor"
    return OK, text


def _float(sensor, reading, spec):
    state = "WET" if reading.state else "dry"
    return NOT_TESTABLE, f"{state}, level {reading.raw}: lift it and see it change in sensors live"


def _switch(sensor, reading, spec):
    words = spec.get("words", ("off", "on"))
    return NOT_TESTABLE, f"{words[1 if reading.state else 0]}: move it and see it change in sensors live"


def _celsius(reading, pm, ohm):
    text = celsius(reading.milli) + " C"
    if pm is not None:
        text += " +-" + celsius(pm + 49)
    return text if ohm is None else f"{text} at {kohm(ohm)}"


_TESTS = {"leak": _loop, "probe": _loop, "float": _float, "switch": _switch}


def _wrong(sensor, quality):
    text = f"{quality}: {_HINTS[quality]}"
    return text + "; " + sensor.why if sensor.kind == "ds18b20" and sensor.why else text


def _converter(view):
    channels = lowest = highest = noise = 0
    silent = []
    for sensor in view.station.sensors:
        adc = sensor.source
        if sensor.kind not in _ANALOG or adc is None:
            continue
        found = []
        for number in range(_SAMPLES):
            try:
                found.append(adc.read_uv())
            except OSError:
                break
            if number % 8 == 7:
                yield 10
        if len(found) < _SAMPLES:
            silent.append(sensor.name)
            continue
        found.sort()
        middle = found[_SAMPLES // 2]
        lowest = min(lowest, middle) if channels else middle
        highest = max(highest, middle)
        # Without the two at either end: one spike is no noise.
        noise = max(noise, found[-3] - found[2])
        channels += 1
    if silent:
        yield (
            "converter",
            FAILED,
            "no microvolts from " + ", ".join(silent) + ": not calibrated, or no such pin",
        )
    elif not channels:
        yield "converter", NOT_TESTABLE, "no sensor here is on it"
    else:
        text = f"calibrated; {channels} channel{'s' if channels > 1 else ''}, {_volt(lowest)}"
        if channels > 1:
            text += " to " + _volt(highest)
        text += f", noise {noise // 1000} mV"
        if channels > 1 and (highest < _BOTTOM_UV or lowest > _TOP_UV):
            yield "converter", FAILED, text + ": all at one end, so its supply or its reference is gone"
        elif noise > _NOISY_UV:
            yield "converter", WARNING, text + ": is a supply or a ground loose?"
        else:
            yield "converter", OK, text


def _volt(uv):
    return f"{uv // 1000000}.{uv // 10000 % 100:02} V"


# The chip


def _memory(view):
    gc.collect()
    yield 0
    free = gc.mem_free()
    spare = view.board.spare_memory()
    text = f"heap {free} of {free + gc.mem_alloc()} bytes free, {spare} beside it for radio and sockets"
    try:
        bytearray(_BLOCK)
    except MemoryError:
        yield "memory", FAILED, text + ", none of it 4096 in one piece"
        return
    yield "memory", WARNING if free < _LOW_HEAP or spare < _LOW_SPARE else OK, text


def _flash(view, folder, ticks):
    now = view.clock.uptime_s()
    if view.tested is not None and now - view.tested < _AGAIN_S:
        left = _AGAIN_S - now + view.tested
        yield "flash", NOT_TESTABLE, f"writing wears it: ask again in {left} s"
        return
    for _ in range(50):
        if not view.watch.suspected and not view.writing.locked():
            break
        yield 100
    else:
        yield "flash", NOT_TESTABLE, "busy: ask again"
        return
    view.tested = now
    path = folder + _FILE
    spent = 0
    wrong = None
    try:
        try:
            with open(path, "wb") as file:
                for number in range(_BLOCK // _PIECE):
                    began = ticks.ticks_ms()
                    file.write(_pattern(number))
                    spent += ticks.ticks_diff(ticks.ticks_ms(), began)
                    yield 0
                began = ticks.ticks_ms()
            spent += ticks.ticks_diff(ticks.ticks_ms(), began)
            yield 20  # whoever watches for leaks comes first: what was just written held everything up
            with open(path, "rb") as file:
                for number in range(_BLOCK // _PIECE):
                    if file.read(_PIECE) != _pattern(number):
                        wrong = f"other bytes came back, from {number * _PIECE} on"
                        break
                    yield 0
        finally:
            os.remove(path)
    except OSError as error:
        wrong = f"cannot write, errno {error.errno}"
    yield 20
    view.note("self-test wrote to flash: " + (wrong or "well"))
    if wrong:
        yield "flash", FAILED, wrong
        return
    text = f"{_BLOCK} bytes written in {spent} ms, read back, removed"
    verdict = OK
    try:
        found = os.statvfs(folder)
        free = found[0] * found[3]
        text += f"; {free // 1024} of {found[1] * found[2] // 1024} KB free"
        if free < _LOW_FLASH:
            verdict = WARNING
    except OSError:
        verdict = WARNING
        text += "; free space not told"
    yield "flash", verdict, text


def _pattern(number):
    return bytes([(number * 31 + index * 7 + (index >> 8)) & 255 for index in range(_PIECE)])


def _clock(view, ticks):
    began = ticks.ticks_ms()
    up = view.clock.uptime_s()
    yield 1100
    passed = ticks.ticks_diff(ticks.ticks_ms(), began)
    counted = view.clock.uptime_s() - up
    quality = view.clock.quality
    text = f"time {quality}, {passed} ms and {counted} s counted in a pause of 1100 ms"
    if passed < 1100 or not 1 <= counted <= passed // 1000 + 1:
        yield "clock", FAILED, text
    elif quality in ("set", "trusted"):
        yield "clock", OK, text
    else:
        yield "clock", WARNING, text + ": no time server has told the time"


def _radio(view):
    wifi = view.board.wifi
    state = wifi.status()
    if state == "missing":
        yield "radio", FAILED, "no radio"
    elif not view.settings.wifi_ssid:
        yield "radio", NOT_TESTABLE, "no network is set"
    elif view.settings.consent == "off":
        yield "radio", NOT_TESTABLE, "silent: consent is off"
    elif state != "up":
        yield "radio", WARNING, f"{state}; uplink {view.uplink.state}"
    else:
        try:
            dbm = wifi.wlan.status("rssi")
        except (OSError, ValueError):
            dbm = None
        text = f"joined, signal {dbm} dBm; uplink {view.uplink.state}"
        yield "radio", WARNING if dbm is None or dbm < _WEAK_DBM else OK, text


def _panel(view):
    display = view.display
    if display is None:
        yield "panel", FAILED, "no bus for a display"
        return
    try:
        display.i2c.writeto(display.address, _LIGHT)
    except OSError as error:
        yield "panel", FAILED, f"address {display.address} does not answer, errno {error.errno}"
        return
    yield "panel", OK, f"address {display.address} answers; whether it can be read, only you can see"
