"""The screens of `nameplate read`, compared word for word with those in golden/.

After a change that is meant, write them anew with UPDATE_GOLDEN=1 and look at the difference.
"""

import io
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from host_tests.tools.signed_board import CALM, LEAK, NONCE, maker, tokens, unit
from nameplate.technician import words
from nameplate.technician.reading import assess
from nameplate.technician.screen import render
from nameplate.token.base64url import decode

GOLDEN = Path(__file__).parent / "golden"
ACME, UNIT = maker(1), unit()
TRUST = ACME.trust()
TODAY = datetime(2026, 12, 1, 12, tzinfo=UTC)
TROUBLE = {
    "senml": [
        {"n": "pan", "vs": "short"}, {"n": "fridge", "u": "Cel", "vs": "open"}, {"n": "freezer", "vs": "stale"},
        {"n": "door", "vb": True}, {"n": "humidity", "u": "%RH", "v": 41}, {"n": "duty", "u": "/", "v": 0.25},
    ],
    "age": [None, 130, 7300, 1],
    "faults": [
        {"fault": "X99", "state": "confirmed", "since": 11_000}, {"fault": "L01", "state": "cleared", "since": 1},
    ],
    "uplink": {"state": "no access point", "waiting": 312, "last": None},
    "consent": "minimum",
    "dev": True,
}  # fmt: skip


class Screen(io.TextIOWrapper):
    """What a terminal of some encoding is given."""

    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding)


def reading(claims=CALM, trust=TRUST, by=ACME, at=TODAY, **options):
    return assess("pty:/dev/pts/7", tokens(UNIT, by, **claims), NONCE, trust, at, 0.31, **options)


def screen(found, width=80, encoding="utf-8", **options):
    console = Console(file=Screen(encoding), width=width, **{"force_terminal": False, **options})
    return render(found, console)


WARM = {
    "senml": [
        {"n": "pan", "vb": False}, {"n": "fridge", "u": "Cel", "v": 11.4}, {"n": "freezer", "u": "Cel", "vs": "stuck"},
        {"n": "evap", "u": "Cel", "vs": "unknown"}, {"n": "door", "vb": True},
    ],
    "age": [0, 1, 0, None, 0],
    "pm": [None, 1638, None, None, None],
    "faults": [
        {
            "fault": "T01", "state": "confirmed", "since": 0, "before": 90_000,
            "evidence": "mean 10.9 C (8.1 to 14.2), above 9.0 C for 28 h of 28 h, 98 % sure",
            "detail": {
                "window": 101_520, "known": 101_520, "for": 100_800, "sensors": ["fridge"], "min": 8.1, "mean": 10.9,
                "max": 14.2, "limit": 9, "unit": "Cel", "confidence": 98,
                "basis": "mean 1.9 K beyond its limit, reading within 1.7 K",
            },
        },
        {
            "fault": "S03", "state": "confirmed", "since": 9000, "evidence": "not ok for 42 min of 42 min, last stuck",
            "detail": {
                "window": 2520, "known": 2520, "for": 2520, "sensors": ["freezer"], "quality": "stuck",
                "confidence": None, "basis": "the sensor's own limits",
            },
        },
    ],
}  # fmt: skip
SCREENS = {
    "leak_100": lambda: screen(reading(LEAK), 100),
    "leak_80": lambda: screen(reading(LEAK), 80),
    "leak_60": lambda: screen(reading(LEAK), 60),
    "fine_80": lambda: screen(reading(simulated=True)),
    "fine_ascii": lambda: screen(reading(), encoding="ascii"),
    "warm_80": lambda: screen(reading(WARM)),
    "no_trust_80": lambda: screen(reading(trust=None)),
    "not_proved_80": lambda: screen(reading(trust=maker(2).trust())),
    "trouble_80": lambda: screen(reading(TROUBLE, at=datetime(2028, 3, 2, 23, 59, tzinfo=UTC))),
    "expired_80": lambda: screen(reading(at=datetime(2028, 3, 3, tzinfo=UTC))),
    "host_clock_80": lambda: screen(reading(at=datetime(2020, 1, 1, tzinfo=UTC))),
    "unreadable_80": lambda: screen(assess("tcp:127.0.0.1:7000", {}, NONCE, TRUST, TODAY, 0.1)),
}


@pytest.fixture(autouse=True)
def house(monkeypatch):
    """The same home and terminal everywhere."""
    monkeypatch.setenv("HOME", "/home/tech")
    for name in ("XDG_CONFIG_HOME", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name):
    shown = SCREENS[name]() + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
        pytest.fail(f"wrote {path.name}: look at it, then run again without UPDATE_GOLDEN")
    assert shown == path.read_text(encoding="utf-8")


def test_no_golden_screen_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(SCREENS)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("claims", [CALM, LEAK, TROUBLE, WARM])
def test_no_line_is_wider_than_the_screen(width, claims):
    assert max(map(len, screen(reading(claims), width).splitlines())) <= width


def test_a_boot_that_was_not_counted_is_proved_and_told():
    made = tokens(UNIT, ACME, **CALM)
    claims = json.loads(decode(made["reply"].split(".")[1]))
    del claims["bootcount"]
    made["reply"] = UNIT.sign("reply", claims)
    found = assess("pty:/dev/pts/7", made, NONCE, TRUST, TODAY, 0.31)
    assert "PROVED" in screen(found)
    assert found.to_json()["board"]["bootcount"] is None
    assert "boot not counted" in screen(found)
    assert "! its starts cannot be counted: it answers, and sends nothing" in screen(found)


def test_an_ascii_terminal_gets_ascii():
    for found in (reading(LEAK), reading({**LEAK, "swversion": ["0.1.0-ü"]})):
        assert screen(found, encoding="ascii").isascii()


def test_a_terminal_gets_colours_and_the_same_words(monkeypatch):
    found = reading(LEAK)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = screen(found, force_terminal=True)
    assert "\x1b[32mPROVED\x1b[0m" in coloured
    assert "\x1b[1;31m! L01" in coloured
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == screen(found).splitlines()


def test_no_color_is_obeyed(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", screen(reading(LEAK), force_terminal=True))


def test_what_is_not_proved_is_not_shown_in_green(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for trust in (None, maker(2).trust()):
        assert "\x1b[32m" not in screen(reading(trust=trust), force_terminal=True)


@pytest.mark.parametrize(
    ("claims", "trust", "code"),
    [
        (CALM, TRUST, 0),
        (CALM, None, 0),
        (LEAK, TRUST, 1),
        (LEAK, None, 1),
        (CALM, maker(2).trust(), 1),
        ({**CALM, "senml": [{"n": "pan", "vs": "stale"}]}, TRUST, 0),
        ({**CALM, "senml": [{"n": "pan", "vs": "open"}]}, TRUST, 1),
        ({**CALM, "senml": [{"n": "fridge", "vs": "stuck"}]}, TRUST, 1),
        ({**CALM, "senml": [{"n": "fridge", "vs": "out of range"}]}, TRUST, 1),
        ({**CALM, "senml": [{"n": "fridge", "vs": "implausible"}]}, TRUST, 1),
        ({**CALM, "senml": [{"n": "fridge", "vs": "unknown"}]}, TRUST, 0),
        (WARM, TRUST, 1),
        ({**CALM, "faults": [{"fault": "L01", "state": "cleared"}]}, TRUST, 0),
    ],
)
def test_exit_code(claims, trust, code):
    found = reading(claims, trust)
    assert found.exit_code == code
    assert found.to_json()["exit"] == code


text = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(evidence=text, state=text, version=text, part=text)
def test_no_text_of_a_board_steers_the_terminal(evidence, state, version, part):
    class Hostile(type(ACME)):
        def sign(self, kind, claims, role=None):
            if kind == "identity":
                claims = {**claims, "oem": part, "model_name": state, "warranty": [
                    {"part": part, "months": 1, "until": "2028-02-31"}]}  # fmt: skip
            return super().sign(kind, claims, role)

    by = Hostile()
    by.keys = ACME.keys
    claims = {
        "faults": [
            {
                "fault": "L01",
                "state": "confirmed",
                "since": 1,
                "evidence": evidence,
                "detail": {
                    "window": 1,
                    "known": 1,
                    "for": 1,
                    "confidence": 5,
                    "basis": part,
                    "sensors": [state],
                },
            }
        ],
        "uplink": {"state": state, "waiting": 1},
        "swversion": [version],
    }
    shown = screen(reading(claims, by=by))
    assert all(line.isprintable() for line in shown.split("\n"))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h 0 min"), (172_800, "2 days")],
)
def test_durations(seconds, said):
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "last day today"), (1, "1 day left"), (91, "91 days left"), (92, "3 months left"), (-1, "1 day ago"),
        (457, "15 months left"), (730, "23 months left"), (731, "2 years left"), (-800, "2 years ago"),
    ],
)  # fmt: skip
def test_dates(days, said):
    assert words.left(days) == said
