"""Builds every part from the board and the profile, and hands each what it uses. Needed once, at the start.

What is missing or damaged costs its own part and no other: without an identity there is a console and an alarm, but
nothing is signed and nothing leaves; without a panel, a radio or a file system everything else runs.
Nothing made here may hold a name out of this module: firmware.app forgets it when the agent stands.
"""

import gc
import os
import sys
import time

from firmware import (
    boots,
    identity,
    mirror,
    model,
    version,
)
from firmware.agent import Agent, NoPin, TimeStore, nothing
from firmware.alarm import Alarm
from firmware.clock import Clock
from firmware.console.serial import SerialConsole
from firmware.console.view import View
from firmware.diagnosis import begin
from firmware.diagnosis.examiner import Examiner
from firmware.diagnosis.watch import Watch
from firmware.first_token import continues, first_claims
from firmware.heartbeat import Chain
from firmware.journal import Journal
from firmware.outbox import Outbox
from firmware.panel import Panel
from firmware.pins import Pins, set_calendar
from firmware.presence import Presence
from firmware.reply import Replies
from firmware.reporter import Reporter
from firmware.sensors.station import Station
from firmware.supervisor import Supervisor
from firmware.uplink.commands import Commands
from firmware.uplink.dns import Resolver
from firmware.uplink.refused import Refused
from firmware.uplink.status import LinkStatus
from firmware.uplink.uplink import KEEPALIVE_S, Uplink
from firmware.uplink.wifi import Network
from firmware.verifier import Verifier
from lib.jws import Curve, Signer
from lib.lcd import Lcd
from lib.mqtt_memory import Codec

# Needed to build, and forgotten after: `firmware.app` forgets this module, and these with it.
ONCE = (
    "firmware.build", "firmware.boots", "firmware.diagnosis.begin", "firmware.diagnosis.rules", "firmware.diagnosis.store",
    "firmware.first_token", "firmware.mirror", "firmware.model", "firmware.pins",
    "firmware.segments_recovery", "firmware.outbox_recovery",
)  # fmt: skip
_WATCHDOG_MS = 30000
_DATA = "/data"
_COMB = "/p256_comb.bin"


def build(board, settings, reason):
    """The agent, ready to run. `reason` is what main.py has to say of this start."""
    pins = Pins()
    unit = identity.load(board.nvs)
    clock = Clock(version.BUILT, TimeStore(board.nvs))
    set_calendar(clock.floor)
    _make_directory(_DATA)
    journal = Journal(_DATA + "/log")
    agent = Agent(board, clock, journal)
    watchdog = None if unit.dev else pins.watchdog(_WATCHDOG_MS)  # a prompt feeds no watchdog
    supervisor = agent.supervisor = Supervisor(
        watchdog.feed if watchdog else nothing, agent.note, agent.reset
    )
    curve = Curve(_COMB)
    signer = _signer(unit, curve)
    told = mirror.mend(board.nvs) if unit.provisioned else []
    gc.collect()

    profile, damage = model.profile()
    numbers = profile["pins"].get(pins.chip, {})
    station = Station(profile, pins)
    presence = Presence(clock.uptime_s, profile["button"]["active"])
    _button(board, pins, numbers, presence)
    alarm = Alarm(_pin_out(board, pins, numbers, "alarm"), profile["alarm"]["active"])
    faults, problem = begin.table(profile, sys.path[0] + "/models/rules.bin")
    if damage or problem:
        station.problems.append(damage or problem)
    told.append(begin.wake(faults, clock.uptime_s()))
    leaks = begin.leaks(profile, faults, station, clock.uptime_s, time)
    watch = agent.watch = Watch(faults, leaks, station, alarm, presence)
    watch.chip = pins.chip
    gc.collect()

    outbox = agent.outbox = Outbox(_DATA + "/outbox")
    # Before anything is signed. A boot that cannot be counted would use numbers twice: it answers callers, no more.
    bootcount = None
    if unit.provisioned:
        bootcount, more = boots.count(board.nvs, outbox)
        told += more
    _tell_start(agent, board, pins, unit, settings, reason, bootcount, told)
    gc.collect()
    resolver = Resolver(board.wifi.dns)
    network = Network(board.wifi, settings, clock, resolver, agent.note)
    speaks = unit.provisioned and bootcount is not None and continues(outbox, board.nvs, bootcount)
    word = "starting" if speaks else "off: boot not counted" if unit.provisioned else "off: no identity"
    link = LinkStatus(network if speaks else None, clock.uptime_s, word)
    replies = Replies(
        signer, unit, bootcount, clock, settings, station, watch, link, agent.waiting, agent.lag
    )
    if speaks:
        refused = Refused()
        verifier = Verifier(unit, curve, _DATA + "/keys-", ("mqtt",))
        commands = Commands(unit, settings, clock, verifier, replies, refused)
        uplink = Uplink(
            unit, settings, clock, bootcount, network, link, outbox, signer, commands, _codec(unit, agent), refused,
            (resolver, board.nvs, clock, watch, board.spare_memory), agent.reset,
        )  # fmt: skip
        first = first_claims(unit, version.VERSION, pins.reset_cause())
        chain = Chain(signer, outbox, unit, clock, bootcount, first)
        agent.writing = chain.writing
        chain.watch = watch
        reporter = Reporter(chain, settings, station, watch, supervisor.lag, agent.note)
        supervisor.add("events", reporter.events, 60000)
        supervisor.add("heartbeats", reporter.heartbeats, 60000)
        supervisor.add("wifi", network.run, 60000)
        supervisor.add("uplink", uplink.run, 90000)
    examiner = Examiner(watch, clock.uptime_s, agent.note, agent.writing)
    supervisor.add("examiner", examiner.run, 60000)
    gc.collect()

    display = _display(board, pins, numbers, profile)
    panel = Panel(display, unit, watch, station, clock, link, agent.waiting)
    view = View(
        unit, settings, clock, station, watch, journal, link, agent.waiting, replies, presence, agent.note,
        pins.chip, board, display, agent.writing,
    )  # fmt: skip
    console = SerialConsole(view, board.console_in, board.console_out)
    supervisor.add("watch", watch.run, 5000, vital=True)
    supervisor.add("console", console.run, 10000, vital=True)
    supervisor.add("panel", panel.run, 10000)
    supervisor.add("housekeeping", agent.housekeeping, 10000)
    for problem in board.problems + station.problems:
        agent.note("board " + problem)
    return agent


# Parts that may be missing


def _signer(unit, curve):
    if not unit.provisioned:
        return None
    try:
        signer = Signer(curve, unit.key)
    except (OSError, ValueError) as error:
        unit.refuse(f"signing table: {error}")
        return None
    return signer if unit.check_key(signer.public) else None


def _codec(unit, agent):
    try:
        return Codec(unit.ueid.encode(), unit.broker_user.encode(), unit.broker_secret.encode(), KEEPALIVE_S)
    except ImportError:
        agent.note("no MQTT: this build has no umqtt")
        return None


def _pin_out(board, pins, numbers, name):
    try:
        return pins.pin_out(numbers[name])
    except (KeyError, OSError, ValueError) as error:
        board.problems.append(f"{name}: no pin, {error!r}")
        return NoPin()


def _button(board, pins, numbers, presence):
    try:
        pins.pin_in(numbers["button"], presence.on_change)
    except (KeyError, OSError, ValueError) as error:
        board.problems.append(f"button: no pin, {error!r}")


def _display(board, pins, numbers, profile):
    if not profile["panel"]:
        return None
    try:
        return Lcd(pins.i2c(numbers["scl"], numbers["sda"]), profile["panel"]["address"])
    except (KeyError, OSError, ValueError) as error:
        board.problems.append(f"panel: {error!r}")
        return None


# The rest


def _tell_start(agent, board, pins, unit, settings, reason, bootcount, told):
    failed, crumb = board.breadcrumb()
    text = f"start {bootcount or 'uncounted'} ({pins.reset_cause()}), {version.VERSION} on {pins.chip}"
    for more in (crumb and f"before: {crumb}", failed and f"{failed} failed starts", reason):
        if more:
            text += "; " + more
    agent.note(text)
    for line in told:
        if line:
            agent.note(line)
    if unit.damage:
        agent.note("not provisioned: damaged (" + unit.damage + ")")
    if settings.damage:
        agent.note("settings damaged: " + settings.damage)


def _make_directory(path):
    try:
        os.mkdir(path)
    except OSError:
        pass  # it is there, or there is no file system, which the journal finds out
