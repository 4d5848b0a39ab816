"""The four lines on the appliance: golden screens, warnings, and a display that comes and goes."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.panel import Panel, celsius
from firmware.panel_words import warning
from host_tests.firmware import fakes
from host_tests.firmware.fakes import Appliance
from host_tests.firmware.test_catalogue_device import L01, slot  # noqa: F401
from host_tests.lib.test_lcd import Display
from lib.lcd import Lcd
from lib.wrap import wrap


class Shown:
    """A panel on an appliance, with a real driver and a decoded display."""

    def __init__(self, unit=None, display=True):
        self.appliance = Appliance(unit=unit)
        self.bus = Display()
        a = self.appliance
        lcd = Lcd(self.bus, sleep_ms=lambda _ms: None) if display else None
        self.panel = Panel(lcd, a.unit, a.watch, a.station, a.clock, a.uplink, lambda: a.waiting, a.ticks)

    def refresh(self):
        while self.panel.refresh():
            pass
        return [row.rstrip() for row in self.bus.rows]


def test_all_is_well():
    shown = Shown()
    assert shown.panel.lines() == [
        "KF-320    4F7-220918",
        "Warranty 2028-03-02",
        "pan dry  fridge 4.8C",
        "broker ok  0 waiting",
    ]
    assert shown.refresh() == shown.panel.lines()


@pytest.mark.parametrize(
    ("quality", "floor", "line"),
    [
        ("floor", 0, "Ends 2028-03-02 (?)"),
        ("floor", 2**31 - 1, "Expired  2028-03-02"),
        ("set", 0, "Warranty 2028-03-02"),
    ],
)
def test_warranty_line_is_as_honest_as_the_clock(quality, floor, line):
    shown = Shown()
    shown.appliance.clock.quality, shown.appliance.clock.floor = quality, floor
    assert shown.panel.lines()[1] == line


def test_water_flashes_with_what_to_do(slot):  # noqa: F811
    slot("en", [L01])
    shown = Shown()
    shown.appliance.pan.uv = fakes.WET_UV
    shown.appliance.run(3)
    warning_on = ["! WATER IN BASE PAN", "close the tap, dry", "the pan, watch 10", "min"]
    assert shown.panel.lines(lit=True) == warning_on
    assert shown.panel.lines(lit=False) == ["", *warning_on[1:]]
    shown.appliance.pan.uv = fakes.OPEN_UV
    shown.appliance.run(2000)
    assert shown.panel.lines() == warning_on
    shown.appliance.pan.uv = fakes.DRY_UV
    shown.appliance.run(501)
    assert shown.panel.lines()[0] == "KF-320    4F7-220918"


def test_not_provisioned_says_why(slot):  # noqa: F811
    slot("en", [L01])
    shown = Shown(unit=fakes.Unit("unit: bad checksum"))
    assert shown.panel.lines()[:3] == ["not provisioned:", "unit: bad checksum", "pan dry  fridge 4.8C"]
    shown.appliance.pan.uv = fakes.WET_UV
    shown.appliance.run(3)
    assert shown.panel.lines()[0] == "! WATER IN BASE PAN"


def test_without_a_catalogue_the_code_is_shown_and_its_words_once_they_can_be_read(slot):  # noqa: F811
    shown = Shown()
    shown.appliance.pan.uv = fakes.WET_UV
    shown.appliance.run(3)
    assert shown.panel.lines()[:2] == ["! L01", "broker ok  0 waiting"]
    slot("en", [L01])
    shown.appliance.run(2)
    assert shown.panel.lines()[0] == "! L01"  # not read twice a second
    shown.appliance.run(1500)
    assert shown.panel.lines()[:2] == ["! WATER IN BASE PAN", "close the tap, dry"]


def test_more_sensors_than_fit_are_shown_in_turn():
    shown = Shown()
    station = shown.appliance.station
    contact = SimpleNamespace(kind="switch", reading=lambda now: None, sample=lambda now: None)
    station.sensors += [contact, station.sensors[1]]
    seen = set()
    for _ in range(20):
        shown.appliance.run(50)
        seen.add(shown.panel.lines()[2])
    assert seen == {"pan dry fridge 4.8C", "fridge 4.8C pan dry", "fridge 4.8C"}


@pytest.mark.parametrize(
    ("pan", "fridge", "line"),
    [
        (fakes.WET_UV, fakes.FRIDGE_UV, "pan WET  fridge 4.8C"), (fakes.OPEN_UV, fakes.OPEN_UV, "pan open fridge open"),
        (None, None, "pan ?  fridge ?"), (fakes.SHORT_UV, fakes.FRIDGE_UV, "pan shrt fridge 4.8C"),
        (fakes.DRY_UV, 2461400, "pan dry fridge -19C"),
    ],
)  # fmt: skip
def test_sensor_line(pan, fridge, line):
    shown = Shown()
    shown.appliance.pan.uv, shown.appliance.fridge.uv = pan, fridge
    shown.appliance.run(120, 1000)  # what jumped has settled
    assert shown.panel._sensors() == line


def test_only_what_changes_is_written():
    shown = Shown()
    shown.refresh()
    shown.bus.writes.clear()
    shown.refresh()
    assert shown.bus.writes == []
    shown.appliance.waiting = 3
    assert shown.refresh()[3] == "broker ok  3 waiting"
    assert len(shown.bus.writes) == 1


def test_an_absent_display_is_counted_tried_twice_a_minute_and_then_complete():
    shown = Shown()
    shown.bus.absent = True
    for _ in range(120):
        assert shown.panel.refresh() is False
        shown.appliance.ticks.now += 500
    assert shown.panel.failures == 2
    shown.bus.absent = False
    shown.appliance.ticks.now += 30000
    assert shown.refresh() == shown.panel.lines()
    shown.bus.absent = True
    shown.appliance.waiting = 1
    assert shown.panel.refresh() is False
    shown.bus.absent = False
    shown.bus.memory[:] = b"?" * 128
    assert shown.panel.refresh() is False
    shown.appliance.ticks.now += 30000
    assert shown.refresh() == shown.panel.lines()


def test_a_board_without_a_display():
    assert Shown(display=False).panel.refresh() is False


@given(st.text("abc -", max_size=60), st.integers(0, 10**6))
def test_every_line_fits_whatever_the_names(text, waiting):
    shown = Shown()
    shown.appliance.uplink.state = text
    shown.appliance.waiting = waiting
    shown.appliance.unit.model = shown.appliance.unit.serial = text
    lines = shown.panel.lines()
    assert len(lines) == 4
    assert all(len(line) <= 20 for line in lines)
    assert lines[3].endswith(f"{min(waiting, 9999)} waiting")
    assert all(len(line) <= 20 for line in [warning(text), *wrap(text, 20)])


@pytest.mark.parametrize(
    ("milli", "one", "none"),
    [(4812, "4.8", "5"), (4850, "4.9", "5"), (-49, "0.0", "0"), (-50, "-0.1", "0"), (-18349, "-18.3", "-18"),
     (0, "0.0", "0"), (99999, "100.0", "100")],
)  # fmt: skip
def test_celsius(milli, one, none):
    assert (celsius(milli), celsius(milli, 0)) == (one, none)


def test_the_panel_task_on_the_device_interpreter(micropython):
    printed = micropython("""
import asyncio
from host_tests.firmware import fakes
from firmware.panel import Panel
from lib.lcd import Lcd
class Bus:
    def __init__(self):
        self.writes = 0
    def writeto(self, address, data):
        self.writes += 1
async def main():
    a = fakes.Appliance()
    bus = Bus()
    panel = Panel(Lcd(bus), a.unit, a.watch, a.station, a.clock, a.uplink, lambda: a.waiting)
    calls = []
    task = asyncio.create_task(panel.run(lambda: calls.append(1)))
    await asyncio.sleep_ms(100)
    print(panel.lines(), panel.failures, bus.writes, len(calls))
    task.cancel()
asyncio.run(main())
""")
    lines = ["KF-320    4F7-220918", "Warranty 2028-03-02", "pan dry  fridge 4.8C", "broker ok  0 waiting"]
    assert printed.strip() == f"{lines} 0 12 1"
