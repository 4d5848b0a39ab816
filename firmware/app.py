"""The composition root: builds every part from the board and the profile, and hands each what it uses.

What is missing or damaged costs its own part and no other: without an identity there is a console and an alarm, but
nothing is signed and nothing leaves; without a panel, a radio or a file system everything else runs.
"""

import asyncio
import gc
import json
import os
import sys

from firmware import version

# Each import compiles or loads into one heap: collecting between them keeps it in one piece.
gc.collect()
from firmware.board import Board

gc.collect()
from firmware import identity
from firmware.clock import Clock
from firmware.settings import Settings
from firmware.supervisor import Supervisor

gc.collect()
from firmware.alarm import Alarm
from firmware.diagnosis.watch import Watch
from firmware.panel import Panel
from firmware.presence import Presence
from firmware.sensors.station import Station
from lib.lcd import Lcd

gc.collect()
from firmware.journal import Journal
from firmware.outbox import Outbox

gc.collect()
from firmware.heartbeat import Chain, continues, first_claims
from firmware.reply import Replies
from firmware.reporter import Reporter
from lib.jws import Signer
from lib.p256 import P256

gc.collect()
from firmware.console.serial import SerialConsole
from firmware.console.view import View

gc.collect()
from firmware.uplink.commands import Commands
from firmware.uplink.refused import Refused
from firmware.uplink.status import LinkStatus
from firmware.uplink.uplink import KEEPALIVE_S, Uplink
from firmware.uplink.wifi import Network

gc.collect()

_WATCHDOG_MS = 30000
_WELL_AFTER_S = 60
_FLUSH_S = 30
_DATA = "/data"


class _FloorStore:
    """Keeps the clock's floor over a reset, in minutes: seconds outgrow an NVS i32 in 2038."""

    def __init__(self, nvs):
        self._nvs = nvs

    def get(self):
        minutes = self._nvs.get_i32("floor_min")
        return None if minutes is None else minutes * 60

    def put(self, unix):
        try:
            self._nvs.set_i32("floor_min", unix // 60)
            self._nvs.commit()
        except OSError:
            pass  # proved again by the next command


class Agent:
    """Everything that runs on one board. `reason` is what main.py has to say of this start."""

    def __init__(self, board, reason=""):
        self.board = board
        self.unit = unit = identity.load(board.nvs)
        self.settings = settings = Settings(board.nvs)
        self.clock = clock = Clock(version.BUILT, _FloorStore(board.nvs))
        _make_directory(_DATA)
        self.journal = Journal(_DATA + "/log")
        watchdog = None if unit.dev else board.watchdog(_WATCHDOG_MS)  # a prompt feeds no watchdog
        self.supervisor = Supervisor(watchdog.feed if watchdog else _nothing, self.note, self._reset)
        bootcount = self._count_boot()
        signer, p256 = self._signer()
        self._tell_start(reason, bootcount)

        profile = _profile()
        pins = profile["pins"].get(board.chip, {})
        self.station = Station(profile, board)
        presence = Presence(clock.uptime_s, profile["button"]["active"])
        self._button(pins, presence)
        alarm = Alarm(self._pin_out(pins, "alarm"), profile["alarm"]["active"])
        self.watch = Watch(profile, self.station, alarm, clock.uptime_s, presence)
        gc.collect()

        self.outbox = Outbox(_DATA + "/outbox")
        gc.collect()
        self.network = Network(board.wifi, settings)
        self.refused = Refused()
        # A boot that could not be counted would use numbers twice: it answers callers, and keeps to itself otherwise.
        speaks = unit.provisioned and bootcount is not None and continues(self.outbox, board.nvs, bootcount)
        word = "starting" if speaks else "off: boot not counted" if unit.provisioned else "off: no identity"
        self.link = LinkStatus(self.network if speaks else None, clock.uptime_s, word)
        self.replies = Replies(
            signer,
            unit,
            bootcount or 0,
            clock,
            settings,
            self.station,
            self.watch,
            self.link,
            self.waiting,
            self._lag,
        )
        if speaks:
            commands = Commands(unit, settings, clock, p256, self.replies, self.refused)
            uplink = Uplink(
                unit, settings, clock, bootcount, self.network, self.link, self.outbox, signer, commands, self._codec(),
                self.refused,
            )  # fmt: skip
            first = first_claims(unit, version.VERSION, board.reset_cause())
            chain = Chain(signer, self.outbox, unit, clock, bootcount, first)
            reporter = Reporter(chain, settings, self.station, self.watch, self.supervisor.lag, self.note)
            self.supervisor.add("events", reporter.events, 60000)
            self.supervisor.add("heartbeats", reporter.heartbeats, 60000)
            self.supervisor.add("wifi", self.network.run, 60000)
            self.supervisor.add("uplink", uplink.run, 90000)
        gc.collect()

        display = self._display(pins, profile)
        panel = Panel(display, unit, self.watch, self.station, clock, self.link, self.waiting)
        view = View(
            unit, settings, clock, self.station, self.watch, self.journal, self.link, self.waiting, self.replies,
            presence, self.note, board.chip,
        )  # fmt: skip
        console = SerialConsole(view, board.console_in, board.console_out)
        self.supervisor.add("watch", self.watch.run, 5000, vital=True)
        self.supervisor.add("console", console.run, 10000, vital=True)
        self.supervisor.add("panel", panel.run, 10000)
        self.supervisor.add("housekeeping", self._housekeeping, 10000)
        for problem in board.problems + self.station.problems:
            self.note("board " + problem)
        gc.collect()
        gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())

    def waiting(self):
        """How many tokens wait in the outbox."""
        return self.outbox.waiting

    def note(self, text):
        """Keep a line in the journal; it reaches flash within half a minute."""
        self.journal.append(f"{self.clock.uptime_s()} s: {text}".encode()[:160])

    async def run(self):
        """Run for ever."""
        asyncio.get_event_loop().set_exception_handler(self.supervisor.stray)
        await self.supervisor.run()

    # Parts that may be missing

    def _signer(self):
        if not self.unit.provisioned:
            return None, None
        try:
            p256 = P256(sys.path[0] + "/lib/p256_comb.bin")
            signer = Signer(p256, self.unit.key)
        except (OSError, ValueError) as error:
            self.unit.refuse(f"signing table: {error}")
            return None, None
        return (signer, p256) if self.unit.check_key(signer.public) else (None, None)

    def _count_boot(self):
        # Before anything is signed: a number used twice is what a clone does.
        nvs = self.board.nvs
        try:
            bootcount = (nvs.get_i32("bootcount") or 0) + 1
            nvs.set_i32("bootcount", bootcount)
            nvs.commit()
            return bootcount
        except OSError as error:
            self.note(f"boot not counted: {error!r}")
            return None

    def _codec(self):
        try:
            from lib.mqtt_memory import Codec
        except ImportError as error:
            self.note(f"no MQTT: {error}")
            return None
        unit = self.unit
        return Codec(unit.ueid.encode(), unit.broker_user.encode(), unit.broker_secret.encode(), KEEPALIVE_S)

    def _pin_out(self, pins, name):
        try:
            return self.board.pin_out(pins[name])
        except (KeyError, OSError, ValueError) as error:
            self.board.problems.append(f"{name}: no pin, {error!r}")
            return _NoPin()

    def _button(self, pins, presence):
        try:
            self.board.pin_in(pins["button"], presence.on_change)
        except (KeyError, OSError, ValueError) as error:
            self.board.problems.append(f"button: no pin, {error!r}")

    def _display(self, pins, profile):
        try:
            return Lcd(self.board.i2c(pins["scl"], pins["sda"]), profile["panel"]["address"])
        except (KeyError, OSError, ValueError) as error:
            self.board.problems.append(f"panel: {error!r}")
            return None

    # The rest

    def _lag(self):
        return self.supervisor.worst_lag

    def _reset(self, reason):
        self.journal.flush()
        self.board.reset(reason)

    def _tell_start(self, reason, bootcount):
        failed, crumb = self.board.breadcrumb()
        text = f"start {bootcount} ({self.board.reset_cause()}), {version.VERSION} on {self.board.chip}"
        for more in (crumb and f"before: {crumb}", failed and f"{failed} failed starts", reason):
            if more:
                text += "; " + more
        self.note(text)
        if self.unit.damage:
            self.note("not provisioned: damaged (" + self.unit.damage + ")")
        if self.settings.damage:
            self.note("settings damaged: " + self.settings.damage)

    async def _housekeeping(self, alive):
        flushed = 0
        well = False
        while True:
            alive()
            up = self.clock.uptime_s()
            if up - flushed >= _FLUSH_S:
                flushed = up
                self.journal.flush()
            if not well and up >= _WELL_AFTER_S:
                well = True
                self.board.clear_breadcrumb()
            await asyncio.sleep_ms(1000)


class _NoPin:
    def value(self, *level):
        return 0


def _nothing():
    pass


def _make_directory(path):
    try:
        os.mkdir(path)
    except OSError:
        pass  # it is there, or there is no file system, which the journal finds out


def _profile():
    with open(sys.path[0] + "/models/profile.json") as file:
        return json.load(file)


def main(reason=""):
    """Build the agent and run it; does not return unless something is badly wrong."""
    agent = Agent(Board(), reason)
    gc.collect()
    asyncio.run(agent.run())
