"""Stand-ins for what the console, the sensors and the panel are handed. Runs on CPython and on MicroPython."""

import json

WRAP = 1 << 30


class Ticks:
    """The chip's millisecond ticks, which wrap at 2**30; time passes only when told."""

    def __init__(self, now=0):
        self.now = now

    def ticks_ms(self):
        return self.now % WRAP

    def ticks_diff(self, a, b):
        return (a - b + WRAP // 2) % WRAP - WRAP // 2

    def ticks_add(self, a, b):
        return (a + b) % WRAP

    def uptime_s(self):
        return self.now // 1000


class Nvs:
    """Entries in a dict; `commits` counts writes, `broken` makes reading raise, `full` makes writing raise."""

    def __init__(self, blobs=None, numbers=None):
        self.blobs = dict(blobs or {})
        self.numbers = dict(numbers or {})
        self.commits = 0
        self.broken = False
        self.full = False

    def get_blob(self, key, limit):
        if self.broken:
            raise OSError(-4354)
        blob = self.blobs.get(key)
        return None if blob is None else blob[:limit]

    def set_blob(self, key, value):
        if self.full:
            raise OSError(-4357)
        self.blobs[key] = bytes(value)

    def get_i32(self, key):
        return self.numbers.get(key)

    def set_i32(self, key, value):
        self.numbers[key] = value

    def commit(self):
        self.commits += 1


class Adc:
    """`uv` is what the pin shows; None makes the conversion fail. From `full_uv` on the scale is at its end."""

    full_uv = 3140000

    def __init__(self, uv):
        self.uv = uv

    def read_uv(self):
        if self.uv is None:
            raise OSError(5)
        return self.uv

    def read_u16(self):
        return 65535 if self.read_uv() >= self.full_uv else 0


class Contact:
    """An input: `level` is what it shows; `handler` what its edges call."""

    def __init__(self, level=0):
        self.level = level
        self.handler = None

    def value(self):
        return self.level

    def irq(self, handler):
        self.handler = handler

    def turn(self, level):
        """The level changes, and with it comes an interrupt."""
        if level != self.level:
            self.level = level
            if self.handler:
                self.handler(self)


class Board:
    """A chip with the given converters, contacts, outputs and one-wire drivers, by pin."""

    def __init__(self, chip, parts):
        self.chip = chip
        self._parts = parts

    def adc(self, pin):
        if pin not in self._parts:
            raise ValueError("no such pin")
        return self._parts[pin]

    pin_in = pin_out = onewire = adc


class Clock:
    def __init__(self, quality="set", unix=1795600000, floor=1795478400, uptime=100):
        self.quality = quality
        self.floor = floor
        self._unix = unix
        self.uptime = uptime

    def uptime_s(self):
        return self.uptime

    def unix(self):
        return self._unix if self.quality in ("set", "trusted") else None


class Pin:
    def __init__(self):
        self.level = None
        self.changes = []

    def value(self, level):
        if level != self.level:
            self.changes.append(level)
        self.level = level


class Journal:
    def __init__(self, payloads=()):
        self.payloads = list(payloads)

    @property
    def next_number(self):
        return len(self.payloads)

    def read(self, first=0):
        for number in range(first, len(self.payloads)):
            yield number, self.payloads[number]


class Uplink:
    def __init__(self, state="broker ok", sent=None, reached=3):
        self.state = state
        self.sent = sent
        self.reached = reached
        self.refused = {}

    def reached_s(self):
        return self.reached


class Presence:
    def __init__(self, here=False):
        self.here = here

    def step(self):
        pass


class Signer:
    """Makes tokens of the right shape and counts them; `gate`, when set, is awaited before each."""

    def __init__(self, gate=None):
        self.made = []
        self.gate = gate

    async def sign(self, typ, payload):
        from lib import base64url

        if self.gate:
            await self.gate()
        json.loads(payload)
        self.made.append((typ, payload))
        return (
            base64url.encode(b'{"typ":"' + typ.encode() + b'"}') + b"." + base64url.encode(payload) + b".c2ln"
        )


class Radio:
    """The port's WLAN."""

    dbm = -58

    def status(self, param):
        if self.dbm is None:
            raise OSError("Wifi Unknown Error 0x300f")
        return self.dbm


class Wifi:
    """board.Wifi: `word` is its status."""

    def __init__(self, word="up"):
        self.word = word
        self.wlan = Radio()

    def status(self):
        return self.word


class Chip:
    """What a self-test asks of board.Board."""

    def __init__(self):
        self.wifi = Wifi()
        self.spare = 91234

    def spare_memory(self):
        return self.spare


class Display:
    """lib.lcd.Lcd, and the bus it is on; `gone` makes it answer no more."""

    address = 39
    gone = False

    def __init__(self):
        self.i2c = self

    def writeto(self, address, data):
        if self.gone or address != self.address:
            raise OSError(19, "ENODEV")


class Lock:
    held = False

    def locked(self):
        return self.held


# A Semitec 103AT-2 under 22 kohm, from -40 to 60 degrees, as nameplate.factory.thermistor compiles it.
TABLE = "XrStsb2ulastqHykjaBqnA6Yc5Oojr6Jr4R1fyZ61XSAbyNq02SgX4dahFWlUPNLb0cYQ/E+/jo8N6szTTAlLS0qYSfCJFAiCCDjHeQbChpPGA=="
PROFILE = {
    "model": "KF-320",
    "name": "fridge-freezer",
    "pins": {"esp32": {"pan": 34, "fridge": 35, "alarm": 25, "button": 4, "scl": 22, "sda": 21}},
    "sensors": [
        {
            "name": "pan", "kind": "leak", "title": "base pan", "supply_uv": 3300000, "pull_up_ohm": 47000,
            "end_ohm": 47000, "wet_below_ohm": 15000, "dry_above_ohm": 25000, "short_below_uv": 50000,
            "open_above_uv": 3000000, "sample_ms": 20, "debounce_ms": 40, "stale_ms": 1000,
        },
        {
            "name": "fridge", "kind": "ntc", "title": "fridge compartment", "supply_uv": 3300000,
            "pull_up_ohm": 22000, "short_below_uv": 50000, "open_above_uv": 3000000, "min_milli": -40000,
            "max_milli": 60000, "rate_milli_s": 1000, "stuck_s": 43200, "stuck_milli": 150, "sample_ms": 1000,
            "stale_ms": 10000, "part": "semitec-103at-2", "first_milli": -40000, "step_milli": 2500, "table": TABLE,
            "r_tol_ppm": 10000, "b_tol_ppm": 10000, "b_k": 3435,
        },
    ],
    "faults": [["L01", 2, "wet", "pan"]],
}  # fmt: skip
DRY_UV = 1650000
WET_UV = 569000  # a loop of 9.8 kohm
OPEN_UV = 3200000
SHORT_UV = 0
FRIDGE_UV = 1658800  # about 4.8 C

CLAIMS = {
    "serial": "4F7-220918", "model": "KF-320", "model_name": "fridge-freezer", "oem": "Acme", "oemid": 12345,
    "made": "2026-03-02", "hwversion": ["C"], "ueid": "AQEBAQEBAQEBAQEBAQEBAQE", "start": "made",
    "support_until": "2036-03-02", "report_url": "https://example.com/r",
    "warranty": [
        {"part": "parts", "months": 24, "until": "2028-03-02"},
        {"part": "compressor", "months": 120, "until": "2036-03-02"},
    ],
}  # fmt: skip


class Unit:
    """A provisioned unit, or a damaged one."""

    def __init__(self, damage=None):
        self.provisioned = damage is None
        self.damage = damage
        self.dev = False
        self.anchors_damage = None
        self.ueid = CLAIMS["ueid"]
        self.oemid = 12345
        self.key_origin = "host"
        self.hwmodel = "S0YtMzIw"
        self.hwversion = ["C"]
        self.binding = b"YmluZGluZw.e30.c2ln"
        self.identity = b"aWRlbnRpdHk.e30.c2ln"
        self.claims = CLAIMS if damage is None else {}
        self.model = self.claims.get("model", "")
        self.serial = self.claims.get("serial", "")
        self.key = b"SECRET-KEY-SECRET-KEY-SECRET-KEY"
        self.broker_secret = "SECRET-BROKER"


class Appliance:
    """Sensors, watch, console view and a session, wired as the agent wires them; `out` collects what is written."""

    def __init__(self, unit=None, signer=None, journal=(), sent=None, nvs=None):
        from firmware.alarm import Alarm
        from firmware.console.session import Session
        from firmware.console.view import View
        from firmware.reply import Replies
        from firmware.sensors.station import Station
        from firmware.settings import Settings

        self.ticks = Ticks(5000)
        self.pan = Adc(DRY_UV)
        self.fridge = Adc(FRIDGE_UV)
        self.board = Board("esp32", {34: self.pan, 35: self.fridge})
        self.unit = unit or Unit()
        self.clock = Clock()
        self.pin = Pin()
        self.alarm = Alarm(self.pin)
        self.station = Station(PROFILE, self.board, self.ticks)
        self.presence = Presence()
        self.watch = a_watch(
            self.station, self.alarm, self.ticks.uptime_s, self.presence, self.ticks, profile=PROFILE
        )
        self.watch.chip = self.board.chip
        self.nvs = nvs or Nvs()
        self.settings = Settings(self.nvs)
        self.journal = Journal(journal)
        self.uplink = Uplink(sent=sent)
        self.signer = signer or Signer()
        self.waiting = 0
        self.notes = []
        self.replies = Replies(
            self.signer, self.unit, 7, self.clock, self.settings, self.station, self.watch, self.uplink,
            lambda: self.waiting, lambda: 12,
        )  # fmt: skip
        self.view = View(
            self.unit, self.settings, self.clock, self.station, self.watch, self.journal, self.uplink,
            lambda: self.waiting, self.replies, self.presence, self.notes.append, "esp32",
            Chip(), Display(), Lock(),
        )  # fmt: skip
        self.impatient = False
        self.paused = 0
        self.out = bytearray()
        self.session = Session(self.view, self.write, "serial", self.pause)
        self.run(1)

    async def write(self, data):
        self.out.extend(data)

    async def pause(self, milliseconds):
        """Time that a command lets pass; whether the caller writes meanwhile."""
        if milliseconds:
            self.run(1, milliseconds)
        self.paused += milliseconds
        self.clock.uptime += self.paused // 1000
        self.paused %= 1000
        return self.impatient

    def run(self, steps, step_ms=20):
        """Let time pass and the watch step."""
        for _ in range(steps):
            self.ticks.now += step_ms
            self.watch.step()

    def ask(self, data):
        """Feed bytes; the answer's lines as text."""
        self.out = bytearray()
        drive(self.session.feed(data))
        return bytes(self.out).decode().split("\r\n")[:-1]


def a_watch(station, alarm, uptime_s, presence=None, ticks=None, profile=PROFILE):
    """A Watch over all faults of the profile, none of them known."""
    import time

    from firmware.diagnosis import begin
    from firmware.diagnosis.watch import Watch

    ticks = ticks or time
    faults, _ = begin.table(profile)
    return Watch(
        faults, begin.leaks(profile, faults, station, uptime_s, ticks), station, alarm, presence, ticks
    )


def drive(coroutine):
    """Run a coroutine that waits for nothing outside itself; its result."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as done:
        return done.value
