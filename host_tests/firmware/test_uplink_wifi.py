"""The station: joins, holds, retries with growing pauses, says in words what is wrong, and obeys consent."""

import pytest

from host_tests.firmware.simulated_time import PRELUDE

SETUP = (
    PRELUDE
    + """
from firmware.uplink.wifi import Network, jitter

class Settings:
    consent = "full"
    wifi_ssid = "Kitchen"
    wifi_psk = "correct horse"

class Radio:
    # Says "connecting" for two seconds after up(), then `word`, as the chip does; keeps its last failure while it tries.
    def __init__(self, word):
        self.word = word
        self.ups = []
        self.joined = None
        self.stale = None
    def up(self, ssid, psk):
        self.ups.append((ssid, psk, time.ticks_ms()))
        self.started = time.ticks_ms()
        self.joined = True
    def down(self):
        if self.joined and self.word != "up":
            self.stale = self.word
        self.joined = None
    def status(self):
        if not self.joined:
            return "idle"
        if time.ticks_diff(time.ticks_ms(), self.started) < 2000:
            return self.stale or "connecting"
        return self.word

class Clock:
    # Never the time to ask for the time: test_sntp.py does.
    def uptime_s(self):
        return -1

settings = Settings()
radio = Radio("up")
network = Network(radio, settings, Clock(), None, None)
longest = [0, time.ticks_ms()]
def alive():
    now = time.ticks_ms()
    longest[0] = max(longest[0], time.ticks_diff(now, longest[1]))
    longest[1] = now

def run(*steps):
    # Each step: seconds to run, then something to do.
    async def body():
        task = asyncio.create_task(network.run(alive))
        for seconds, act in steps:
            await asyncio.sleep_ms(int(seconds * 1000))
            act()
        task.cancel()
    asyncio.run(body())

def show():
    print(network.state, network.up, len(radio.ups))
"""
)


@pytest.fixture
def station(micropython):
    return lambda script: micropython(SETUP + script).split("\n")[:-1]


def test_it_joins_and_holds(station):
    out = station("run((1, show), (1.5, show), (7200, show))\nprint(radio.ups[0][:2], longest[0] <= 1000)")
    assert out == [
        "joining Wi-Fi False 1",
        "Wi-Fi up True 1",
        "Wi-Fi up True 1",
        "('Kitchen', 'correct horse') True",
    ]


def test_an_open_network(station):
    out = station("settings.wifi_psk = None\nrun((3, show))\nprint(radio.ups[0][:2])")
    assert out == ["Wi-Fi up True 1", "('Kitchen', None)"]


def test_a_network_that_goes_and_comes_back(station):
    out = station("""
def gone():
    radio.word = "no access point"
def back():
    radio.word = "up"
run((10, gone), (20, show), (100, back), (100, show))
""")
    assert out[0].startswith("Wi-Fi: no access point False")
    assert out[1].startswith("Wi-Fi up True")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("no access point", "Wi-Fi: no access point"),
        ("wrong password", "Wi-Fi: wrong password"),
        ("failed", "Wi-Fi: failed"),
        ("connecting", "Wi-Fi: no answer"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_the_pauses_grow(station, word, said):
    out = station(f"""
radio.word = {word!r}
run((23, show), (3600, show))
gaps = [time.ticks_diff(radio.ups[i + 1][2], radio.ups[i][2]) // 1000 for i in range(len(radio.ups) - 1)]
print(max(gaps) <= 81, gaps[0] < gaps[3] < gaps[5], 40 < len(gaps) < 130, longest[0] <= 1000)
""")
    assert out[0].startswith(said)
    assert out[1].startswith(said)
    assert out[2] == "True True True True"


def test_the_chips_memory_of_an_old_failure_is_not_taken_for_a_new_one(station):
    out = station("""
radio.stale = "wrong password"
run((2.5, show))
""")
    assert out == ["Wi-Fi up True 1"]


def test_consent_off_leaves_the_network_and_on_joins_again(station):
    out = station("""
def off():
    settings.consent = "off"
def full():
    settings.consent = "full"
run((5, off), (2, show), (3600, show), (0, full), (5, show))
""")
    assert out == ["off: no consent False 1", "off: no consent False 1", "Wi-Fi up True 2"]


def test_nothing_set_and_nothing_there(station):
    out = station("""
settings.wifi_ssid = ""
run((60, show))
settings.wifi_ssid = "Kitchen"
class Missing:
    def up(self, ssid, psk):
        raise OSError("no radio")
    def down(self):
        raise OSError("no radio")
    def status(self):
        return "missing"
network = Network(Missing(), settings, Clock(), None, None)
radio.ups = []
run((60, show))
""")
    assert out == ["no Wi-Fi set False 0", "no radio False 0"]


def test_a_radio_that_raises_is_tried_again(station):
    out = station("""
good = radio.up
def bad(ssid, psk):
    raise OSError("Wifi Internal Error")
def mend():
    radio.up = good
radio.up = bad
run((5, show), (60, mend), (60, show))
""")
    assert out == ["Wi-Fi: failed (Wifi Internal Error) False 0", "Wi-Fi up True 1"]


def test_new_credentials_are_used_at_once(station):
    out = station("""
def change():
    settings.wifi_ssid = "Cellar"
run((5, change), (5, show))
print(radio.ups[-1][0])
""")
    assert out == ["Wi-Fi up True 2", "Cellar"]


def test_jitter_lies_between_half_and_all(station):
    out = station("""
drawn = [jitter(1000) for _ in range(500)]
print(min(drawn) >= 500, max(drawn) <= 1000, len(set(drawn)) > 50)
""")
    assert out == ["True True True"]


def test_what_asked_the_time_is_not_held_after(station):
    out = station("""
import gc
import firmware.uplink
class Sntp: pass
def put(size):
    firmware.uplink.sntp = sys.modules["firmware.uplink.sntp"] = Sntp()
    firmware.uplink.sntp.code = bytearray(size)
    async def keep(network, pause):
        network.pause = 43200
    firmware.uplink.sntp.keep = keep
put(100000)
network.clock.uptime_s = lambda: time.ticks_ms() // 1000
before = gc.mem_free()
def look():
    gc.collect()
    print(network.pause, gc.mem_free() - before > 50000)
run((10, look))
""")
    assert out == ["43200 True"]
