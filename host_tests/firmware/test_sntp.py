"""The time is asked of two real servers over UDP, and no lie, silence or nonsense of theirs sets the clock."""

import json
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.uplink import sntp
from host_tests.firmware.simulated_time import PRELUDE
from host_tests.firmware.udp_responder import Answer, Responder

NOW = 1_795_510_800  # 2026-11-24 09:00 UTC
EPOCH = 2_208_988_800
FLOOR = NOW - 86_400


def packet(query: bytes, unix: float = NOW, **fields: int | bytes) -> bytes:
    """A server's answer (RFC 4330, section 4), sound unless a field says otherwise."""
    given: dict[str, int | bytes] = {
        "leap": 0, "version": 4, "mode": 4, "stratum": 2, "delay": 0x0800, "dispersion": 0x0400, "id": b"\x0a\0\0\1",
        "originate": query[40:48], **fields,
    }  # fmt: skip
    seconds = unix + EPOCH
    stamp = struct.pack(">II", int(seconds) & 0xFFFFFFFF, int(seconds % 1 * 2**32))
    transmit = given.get("transmit", stamp)
    head = struct.pack(
        ">BBbbII4s", given["leap"] << 6 | given["version"] << 3 | given["mode"], given["stratum"], 6, -20,
        given["delay"], given["dispersion"], given["id"],
    )  # fmt: skip
    return head + stamp + given["originate"] + stamp + transmit


class Pair:
    """Two servers, at 127.0.0.1 and 127.0.0.2, on one port."""

    def __init__(self, first: Answer, second: Answer) -> None:
        self.first = Responder(first)
        self.port = self.first.port
        self.second = Responder(second, "127.0.0.2", self.port)

    @property
    def asked(self) -> int:
        return len(self.first.asked) + len(self.second.asked)


@pytest.fixture
def serve() -> Iterator[Callable[..., Pair]]:
    made: list[Pair] = []

    def start(first: Answer = lambda query: [packet(query)], second: Answer | None = None) -> Pair:
        made.append(Pair(first, second or first))
        return made[-1]

    yield start
    for pair in made:
        pair.first.close()
        pair.second.close()


# In simulated time a look at the line is given a moment of the real, so that a server in the real world can answer.
SETUP = (
    PRELUDE
    + """
import json
import firmware
from firmware.clock import Clock
from firmware.uplink.dns import Resolver
real = asyncio.sleep_ms
class Asyncio:
    @staticmethod
    async def sleep_ms(ms):
        _time.sleep_ms(2)
        await real(ms)
class Pins:
    calendar = []
    set_calendar = calendar.append
sys.modules["firmware.pins"] = firmware.pins = Pins
from firmware.uplink import sntp
sntp.asyncio = Asyncio
class Store(dict):
    def get(self, key):
        return super().get(key, 0)
    def put(self, key, unix):
        self[key] = unix
store = Store()
clock = Clock(FLOOR, store, time)
notes = []
SERVERS = ["127.0.0.1", "127.0.0.2"]
resolver = Resolver(lambda: None)
class Settings:
    consent = "full"
    wifi_ssid = "Kitchen"
    wifi_psk = None
settings = Settings()
def keep(port, pause=0, servers=SERVERS):
    class network:
        pass
    network.clock, network.resolver, network.note, network.settings = clock, resolver, notes.append, settings
    settings.ntp = ",".join(servers)
    started = time.ticks_ms()
    asyncio.run(sntp.keep(network, pause, time, port))
    print(json.dumps([clock.quality, clock.unix(), network.pause, notes, time.ticks_diff(time.ticks_ms(), started)]))
    notes.clear()
    return network.pause
""".replace("FLOOR", str(FLOOR))
)


@pytest.fixture
def run(micropython):
    """Each line that the script prints, as JSON."""
    return lambda script: [json.loads(line) for line in micropython(SETUP + script).splitlines()]


def test_two_servers_that_agree_set_the_clock_and_the_chips_calendar(serve, run):
    pair = serve()
    found, calendar = run(f"keep({pair.port})\nprint(json.dumps(Pins.calendar))")
    assert found[:2] == ["set", NOW]
    assert 37_800 <= found[2] <= 43_200
    assert found[3] == ["time set"]
    assert calendar == [NOW]
    (first,), (second,) = pair.first.asked, pair.second.asked
    assert first[:40] == second[:40] == b"\x23" + bytes(39)
    assert len({first[40:], second[40:], bytes(8)}) == 3


def test_the_way_back_and_the_second_question_are_reckoned_with(serve, run):
    def late(query: bytes) -> list[bytes]:
        # The second is asked while the first one's second has all but passed.
        return [packet(query, NOW + 0.99)]

    pair = serve(late)
    (found,) = run(f"keep({pair.port})")
    assert found[1] in (NOW + 1, NOW)


@pytest.mark.parametrize(("apart", "quality"), [(4.5, "set"), (-4.5, "set"), (5.5, "floor"), (-5.5, "floor")])
def test_they_must_agree_within_five_seconds(serve, run, apart, quality):
    pair = serve(lambda query: [packet(query)], lambda query: [packet(query, NOW + apart)])
    (found,) = run(f"keep({pair.port})")
    assert found[0] == quality
    if quality == "floor":
        assert found[3] == ["time: two servers disagree"]
        assert 14 <= found[2] <= 16


def test_one_server_under_two_names_is_not_two(serve, run):
    pair = serve()
    (found,) = run(f'keep({pair.port}, servers=["127.0.0.1", "127.0.0.1"])')
    assert (found[0], found[3]) == ("floor", ["time: both names lead to one server"])


@pytest.mark.parametrize(
    "fields",
    [
        {"leap": 3}, {"stratum": 16}, {"stratum": 255}, {"stratum": 0, "id": b"INIT"}, {"version": 0}, {"version": 7},
        {"delay": 0x10000}, {"delay": 0xFFFF0000}, {"dispersion": 0x10000}, {"transmit": bytes(8)},
    ],
    ids=str,
)  # fmt: skip
def test_a_server_that_has_no_time_itself_is_not_believed(serve, run, fields):
    pair = serve(lambda query: [packet(query)], lambda query: [packet(query, **fields)])
    (found,) = run(f"keep({pair.port})")
    assert found[:2] == ["floor", None]
    assert found[3] == ["time: server not synchronised"]


FORGED: dict[str, Answer] = {
    "another nonce": lambda query: [packet(query, NOW + 99, originate=bytes(8))],
    "a client's": lambda query: [packet(query, NOW + 99, mode=3)],
    "a broadcast": lambda query: [packet(query, NOW + 99, mode=5)],
    "short": lambda query: [packet(query, NOW + 99)[:47]],
    "empty": lambda query: [b""],
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_what_does_not_answer_the_question_is_passed_over(serve, run, forged):
    pair = serve(lambda query: [*forged(query), packet(query)])
    (found,) = run(f"keep({pair.port})")
    assert found[:2] == ["set", NOW]


def test_what_comes_from_elsewhere_is_passed_over(serve, run):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

        def answer(query: bytes) -> list[bytes]:
            stranger.sendto(packet(query, NOW + 99), pair.first.sender)
            return [packet(query)]

        pair = serve(answer, lambda query: [packet(query)])
        (found,) = run(f"keep({pair.port})")
    assert found[:2] == ["set", NOW]


@pytest.mark.parametrize("unix", [0, 946_684_800, FLOOR - 1], ids=["1970", "2000", "before what is proved"])
def test_a_time_before_what_is_proved_is_refused_though_both_agree(serve, run, unix):
    pair = serve(lambda query: [packet(query, unix)])
    (found,) = run(f"keep({pair.port})")
    assert found[:2] == ["floor", None]


def test_after_2036_the_count_begins_anew(serve, run):
    later = 2_085_978_496 + 5  # 2036-02-07 06:28:21
    pair = serve(lambda query: [packet(query, later)])
    (found,) = run(f"keep({pair.port})")
    assert found[:2] == ["set", later]


def test_silence_has_a_deadline_and_the_pauses_grow_to_a_quarter_of_an_hour(serve, run):
    pair = serve(lambda query: [])
    found = run(f"sntp.asyncio = asyncio\npause = 0\nfor _ in range(9): pause = keep({pair.port}, pause)")
    assert all(3000 <= waited < 3100 for *_, waited in found)
    pauses = [after for _, _, after, *_ in found]
    assert pauses[:7] == sorted(pauses[:7])
    assert 14 <= pauses[0] <= 16
    assert all(896 <= pause <= 1024 for pause in pauses[-2:])
    assert [notes for _, _, _, notes, _ in found] == [["time: no answer"]] + [[]] * 8
    assert len(pair.first.asked) == 9
    assert pair.second.asked == []


@pytest.mark.parametrize("code", [b"RATE", b"DENY", b"RSTR"])
def test_a_server_that_wants_to_be_left_alone_is(serve, run, code):
    pair = serve(lambda query: [packet(query, leap=3, stratum=0, id=code)])
    (found,) = run(f"keep({pair.port}, 16)")
    assert found[0] == "floor"
    assert 12_600 <= found[2] <= 14_400
    assert pair.asked == 1


def test_a_kiss_from_who_has_not_seen_the_question_is_passed_over(serve, run):
    def answer(query: bytes) -> list[bytes]:
        return [packet(query, leap=3, stratum=0, id=b"DENY", originate=bytes(8)), packet(query)]

    (found,) = run(f"keep({serve(answer).port})")
    assert found[0] == "set"


def test_a_later_answer_puts_the_clock_right_in_either_direction(serve, run):
    told = [NOW, NOW, NOW + 900, NOW + 900, NOW - 50, NOW - 50, NOW - 49, NOW - 49]
    pair = serve(lambda query: [packet(query, told.pop(0))])
    found = run(f"for _ in range(4): keep({pair.port}, 43200)")
    assert [unix for _, unix, *_ in found] == [NOW, NOW + 900, NOW - 50, NOW - 49]
    assert [notes for *_, notes, _ in found] == [
        ["time set"],
        ["time moved by 900 s"],
        ["time moved by -950 s"],
        [],
    ]


def test_without_a_name_server_there_is_no_time(run):
    (found,) = run('keep(123, servers=["a.example", "b.example"])')
    assert (found[0], found[3]) == ("floor", ["time: DNS: no name server"])


# When it asks

NETWORK = """
from firmware.uplink import wifi
wifi._RARE = ()
kept = sntp.keep
async def keep_at(network, pause):
    await kept(network, pause, time, PORT)
sntp.keep = keep_at
class Radio:
    word = "no access point"
    def up(self, ssid, psk):
        pass
    def down(self):
        pass
    def status(self):
        return Radio.word
settings.ntp = ",".join(SERVERS)
network = wifi.Network(Radio(), settings, clock, resolver, notes.append, time)
alive = [time.ticks_ms(), 0]
def live():
    alive[1] = max(alive[1], time.ticks_diff(time.ticks_ms(), alive[0]))
    alive[0] = time.ticks_ms()
async def body(steps):
    task = asyncio.create_task(network.run(live))
    for step in steps:
        if type(step) is int:
            await real(step * 1000)
        else:
            step()
    task.cancel()
def run(*steps):
    asyncio.run(body(steps))
def up():
    Radio.word = "up"
def lost():
    Radio.word = "no access point"
def tell():
    print(json.dumps(clock.quality))
"""


@pytest.fixture
def station(run):
    """Runs a script with a network whose time servers are at that port."""
    return lambda port, script: run(NETWORK.replace("PORT", str(port)) + script)


def test_it_asks_when_there_is_a_network_and_again_after_half_a_day(serve, station):
    pair = serve()
    assert station(pair.port, "run(600, tell, up, 90, tell)\n") == ["floor", "set"]
    assert pair.asked == 2
    (longest,) = station(pair.port, "run(up, 44000)\nprint(alive[1])")
    assert longest < 2000
    assert pair.asked == 2 + 4


def test_a_network_that_comes_and_goes_is_no_reason_to_ask_more(serve, station):
    pair = serve()
    assert station(pair.port, "run(*(up, 100, lost, 100) * 20)\ntell()") == ["set"]
    assert pair.asked == 2


def test_without_consent_it_asks_nobody(serve, station):
    pair = serve()
    assert station(pair.port, 'settings.consent = "off"\nrun(up, 90000, tell)') == ["floor"]
    assert pair.asked == 0


def test_consent_that_ends_meanwhile_ends_the_asking(serve, station):
    pair = serve(lambda query: [])
    script = """
sntp.asyncio = asyncio
def no():
    settings.consent = "off"
run(up, 2, no, 90000, tell)
"""
    assert station(pair.port, script) == ["floor"]
    assert (len(pair.first.asked), len(pair.second.asked)) == (1, 0)


def test_servers_that_stay_silent_are_asked_five_times_an_hour_at_most(serve, station):
    pair = serve(lambda query: [])
    (longest,) = station(pair.port, "sntp.asyncio = asyncio\nrun(up, 14400)\nprint(alive[1])")
    assert longest < 2000
    assert 15 <= pair.asked <= 22


def test_a_failure_of_ours_is_not_repeated_at_once(serve, station):
    script = """
asked = []
async def broken(network, pause):
    asked.append(pause)
    raise MemoryError
sntp.keep = broken
asyncio.get_event_loop().set_exception_handler(lambda loop, context: None)
run(up, 600)
print(len(asked))
"""
    (asked,) = station(1, script)
    assert 25 <= asked <= 31


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=48, max_size=48))
def test_any_48_bytes_are_a_time_of_this_age_or_none(answer):
    try:
        milliseconds = sntp.read(answer)
    except sntp.NoTime:
        return
    assert answer[0] >> 6 != 3
    assert 1 <= answer[1] <= 15
    assert -61_505_152 * 1000 <= milliseconds <= (2**32 + 2**31 - EPOCH) * 1000  # 1968 to 2104
