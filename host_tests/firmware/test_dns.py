"""Names are resolved by a real exchange over UDP on the real interpreter, and no answer can hurt or deceive the asker."""

import json
import random
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.uplink import dns_query
from host_tests.firmware.simulated_time import PRELUDE
from host_tests.firmware.udp_responder import Answer, Responder

HOST = "broker.example"


def name(text: str) -> bytes:
    """A name as messages have it, without compression (RFC 1035, 3.1)."""
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label) + b"\0"


def record(owner: bytes, kind: int, data: bytes, ttl: int = 300, group: int = 1) -> bytes:
    """A resource record (RFC 1035, 4.1.3)."""
    return owner + struct.pack(">HHIH", kind, group, ttl, len(data)) + data


def address(owner: bytes, text: str, ttl: int = 300) -> bytes:
    return record(owner, 1, socket.inet_aton(text), ttl)


def message(query: bytes, records: list[bytes], code: int = 0, flags: int = 0x8180) -> bytes:
    """An answer to `query` with these records."""
    return (
        query[:2]
        + struct.pack(">HHHHH", flags | code, 1, len(records), 0, 0)
        + query[12:]
        + b"".join(records)
    )


ASKED = b"\xc0\x0c"  # a pointer to the question's name


@pytest.fixture
def serve() -> Iterator[Callable[..., Responder]]:
    made: list[Responder] = []

    def start(answer: Answer) -> Responder:
        made.append(Responder(answer))
        return made[-1]

    yield start
    for responder in made:
        responder.close()


# In simulated time a poll of the line is given a moment of the real, so that a server in the real world can answer.
ASK = (
    PRELUDE
    + """
import json
from firmware.uplink import dns, dns_query
real = dns_query.asyncio.sleep_ms
async def patient(ms):
    _time.sleep_ms(2)
    await real(ms)
class Asyncio:
    sleep_ms = staticmethod(patient)
def slow():
    from firmware.uplink import dns_query
    dns_query.asyncio = Asyncio
async def ask(resolver, host):
    slow()
    started = time.ticks_ms()
    try:
        said = await resolver.resolve(host)
    except OSError as error:
        said = str(error)
    print(json.dumps([said, time.ticks_diff(time.ticks_ms(), started)]))
def run(port, *hosts, server="127.0.0.1"):
    async def body():
        resolver = dns.Resolver(lambda: server, port=port)
        for host in hosts:
            if type(host) is int:
                await real(host)
            else:
                await ask(resolver, host)
    asyncio.run(body())
"""
)


@pytest.fixture
def resolve(micropython):
    """What the interpreter makes of hosts, one after the other: [address or error, simulated ms]."""

    def ask(port: int, *hosts: str | int, **options: str) -> list[list]:
        said = ", ".join(f"{key}={value!r}" for key, value in options.items())
        calls = ", ".join(map(repr, hosts))
        out = micropython(ASK + f"run({port}, {calls}{', ' + said if said else ''})")
        return [json.loads(line) for line in out.splitlines()]

    return ask


def test_a_name_is_asked_once_as_rfc_1035_says_and_kept(serve, resolve):
    responder = serve(lambda query: [message(query, [address(ASKED, "198.51.100.7")])])
    assert [said for said, _ in resolve(responder.port, HOST, HOST, "Broker.Example.")] == [
        "198.51.100.7"
    ] * 3
    (first, second) = responder.asked
    assert first[2:] == struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + name(HOST) + struct.pack(">HH", 1, 1)
    assert first[2:] == second[2:]
    assert first[:2] != second[:2]


def test_what_needs_no_question_is_not_asked(serve, resolve):
    responder = serve(lambda query: [])
    assert [said for said, _ in resolve(responder.port, "192.0.2.1", "localhost", "0.0.0.0")] == [
        "192.0.2.1",
        "127.0.0.1",
        "0.0.0.0",
    ]
    assert responder.asked == []


def test_aliases_are_followed_in_whatever_order_they_come(serve, resolve):
    records = [
        address(name("c.example.net"), "198.51.100.9"),
        record(name("b.example.net"), 5, b"\1c\xc0\x2c"),
        address(name("other.example"), "198.51.100.66"),
        record(ASKED, 5, name("B.example.net")),
    ]
    # The pointer leads into the owner of the first record, behind its first label.
    offset = 12 + len(name(HOST)) + 4 + 2
    records[1] = record(name("b.example.net"), 5, b"\1c" + struct.pack(">H", 0xC000 | offset))
    responder = serve(lambda query: [message(query, records)])
    assert resolve(responder.port, HOST)[0][0] == "198.51.100.9"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda query: message(query, [], code=3), "DNS: no such name"),
        (lambda query: message(query, []), "DNS: no address"),
        (lambda query: message(query, [record(ASKED, 28, bytes(16))]), "DNS: no address"),
        (lambda query: message(query, [address(name("other.example"), "198.51.100.66")]), "DNS: no address"),
        (lambda query: message(query, [record(ASKED, 5, ASKED)]), "DNS: no address"),
        (lambda query: message(query, [address(ASKED, "127.0.0.1")]), "DNS: no address"),
        (lambda query: message(query, [address(ASKED, "0.0.0.0")]), "DNS: no address"),
        (lambda query: message(query, [address(ASKED, "224.0.0.1")]), "DNS: no address"),
        (lambda query: message(query, [address(ASKED, "255.255.255.255")]), "DNS: no address"),
        (lambda query: message(query, [record(ASKED, 1, b"\xc6\x33\x64")]), "DNS: no address"),
        (lambda query: message(query, [record(ASKED, 1, b"\xc6\x33\x64\x07", group=3)]), "DNS: no address"),
    ],
    ids=["no such name", "empty", "IPv6 only", "another's", "own alias", "loopback", "zero", "multicast", "broadcast",
         "three bytes", "another class"],
)  # fmt: skip
def test_an_answer_without_an_address_ends_it_at_once(serve, resolve, answer, said):
    responder = serve(lambda query: [answer(query)])
    ((found, waited),) = resolve(responder.port, HOST)
    assert (found, waited < 1000) == (said, True)


def forged(query: bytes, change: Callable[[bytearray], None]) -> bytes:
    wrong = bytearray(message(query, [address(ASKED, "198.51.100.66")]))
    change(wrong)
    return bytes(wrong)


def set_byte(at: int, value: int) -> Callable[[bytearray], None]:
    return lambda wrong: wrong.__setitem__(at, value)


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "another number": lambda query: forged(query, lambda wrong: set_byte(0, wrong[0] ^ 1)(wrong)),
    "a query": lambda query: forged(query, set_byte(2, 0x01)),
    "another kind": lambda query: forged(query, set_byte(2, 0x91)),
    "two questions": lambda query: forged(query, set_byte(5, 2)),
    "another question": lambda query: forged(query, set_byte(14, ord("x"))),
    "another type": lambda query: forged(query, set_byte(len(query) - 3, 28)),
    "cut": lambda query: forged(query, lambda wrong: wrong.__delitem__(slice(20, None))),
    "nothing": lambda query: b"",
    "noise": lambda query: query[:2] + random.Random(1).randbytes(300),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_answer_is_passed_over_for_the_true_one(serve, resolve, forgery):
    responder = serve(lambda query: [forgery(query), message(query, [address(ASKED, "198.51.100.7")])])
    assert resolve(responder.port, HOST)[0][0] == "198.51.100.7"


def test_an_answer_from_elsewhere_is_passed_over(serve, resolve):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

        def answer(query: bytes) -> list[bytes]:
            stranger.sendto(message(query, [address(ASKED, "198.51.100.66")]), responder.sender)
            return [message(query, [address(ASKED, "198.51.100.7")])]

        responder = serve(answer)
        assert resolve(responder.port, HOST)[0][0] == "198.51.100.7"
        assert len(responder.asked) == 1


def test_a_dead_server_is_asked_three_times_in_five_seconds(serve, resolve):
    responder = serve(lambda query: [])
    ((said, waited),) = resolve(responder.port, HOST)
    assert said == "DNS: no answer"
    assert 5000 <= waited < 5100
    assert len(responder.asked) == 3


def test_a_server_that_fails_is_asked_again(serve, resolve):
    good = [address(ASKED, "198.51.100.7")]
    responder = serve(
        lambda query: [
            message(query, good if len(responder.asked) > 1 else [], 2 if len(responder.asked) < 2 else 0)
        ]
    )
    assert resolve(responder.port, HOST)[0][0] == "198.51.100.7"
    refusing = serve(lambda query: [message(query, [], code=5)])
    assert resolve(refusing.port, HOST)[0][0] == "DNS: server fails (5)"


def test_without_a_network_there_is_no_server(micropython):
    out = micropython(ASK + f"run(53, {HOST!r}, server=None)")
    assert json.loads(out) == ["DNS: no name server", 0]


def test_a_known_address_outlives_its_time_while_no_server_answers(serve, resolve):
    def answer(query: bytes) -> list[bytes]:
        number = len(responder.asked)
        return [message(query, [address(ASKED, f"198.51.100.{number}", 60)])] if number < 3 else []

    responder = serve(answer)
    found = [said for said, _ in resolve(responder.port, HOST, 59_000, HOST, 2_000, HOST, 61_000, HOST)]
    assert found == ["198.51.100.1", "198.51.100.1", "198.51.100.2", "198.51.100.2"]


def test_an_address_holds_between_half_a_minute_and_an_hour(serve, resolve):
    ttl = {name("short.example"): 0, name("long.example"): 2**31 - 1, name("odd.example"): 2**31}
    responder = serve(lambda query: [message(query, [address(ASKED, "198.51.100.7", ttl[query[12:-4]])])])
    resolve(responder.port, "short.example", 29_000, "short.example", 2_000, "short.example")
    assert len(responder.asked) == 2
    resolve(responder.port, "long.example", 3_590_000, "long.example", 11_000, "long.example")
    assert len(responder.asked) == 4
    resolve(responder.port, "odd.example", 31_000, "odd.example")
    assert len(responder.asked) == 6


def test_only_three_names_are_kept(serve, resolve):
    responder = serve(lambda query: [message(query, [address(ASKED, "198.51.100.7")])])
    hosts = ["a.example", "b.example", "c.example", "d.example"]
    resolve(responder.port, *hosts, "d.example", "b.example", "a.example")
    assert [query[13:14] for query in responder.asked] == [b"a", b"b", b"c", b"d", b"a"]


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "a b", "é.example", "x" * 64 + ".example", ".".join(["x" * 60] * 5), "a:1"]
)
def test_what_is_not_a_name_is_not_asked(resolve, serve, host):
    responder = serve(lambda query: [])
    assert resolve(responder.port, host)[0][0] == "DNS: not a name"
    assert responder.asked == []


# Hostile answers: judged by the same code on this interpreter, thousands of them.

QUERY = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name(HOST) + b"\0\1\0\1"


def judge(answer: bytes) -> str | None:
    """The address that the answer gives, or None; what it must never do is raise anything else or go on for ever."""
    if not dns_query.is_answer(answer, QUERY) or answer[3] & 15:
        return None
    try:
        found, seconds = dns_query.address_in(answer, len(QUERY), name(HOST))
    except ValueError:
        return None
    assert dns_query.is_ipv4(found)
    assert 30 <= seconds <= 3600
    return found


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=500), st.integers(0, 65535))
@example(b"\xc0\x20" * 200, 65535)
@example(b"\x3f" * 480, 40)
@example(b"\1a" * 240, 1)
def test_no_answer_can_hurt(tail, count):
    judge(QUERY[:2] + struct.pack(">HHHHH", 0x8180, 1, count, 0, 0) + QUERY[12:] + tail)


@pytest.mark.parametrize(
    "alias",
    [b"\xc0", b"\xff\xff", b"\x01", b"\x05ab", b"\x40", b"\xc0\x0d\x01a"],
    ids=lambda alias: alias.hex(),
)
def test_an_alias_that_is_no_name_leads_nowhere(alias):
    answer = message(QUERY, [record(ASKED, 5, alias)])
    with pytest.raises(ValueError, match="^DNS: no address$"):
        dns_query.address_in(answer, len(QUERY), name(HOST))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_true_answer_with_any_bytes_changed_gives_an_address_or_none(data):
    records = [record(ASKED, 5, name("b.example.net")), address(name("b.example.net"), "198.51.100.7")]
    answer = bytearray(message(QUERY, records))
    assert judge(bytes(answer)) == "198.51.100.7"
    for _ in range(data.draw(st.integers(1, 4))):
        answer[data.draw(st.integers(0, len(answer) - 1))] = data.draw(st.integers(0, 255))
    judge(bytes(answer[: data.draw(st.integers(0, len(answer)))]))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["address", "alias", "other", "text"]), max_size=12),
    st.integers(0, 2**32 - 1),
    st.randoms(),
)
def test_an_address_is_given_only_where_the_aliases_lead_to_it(kinds, ttl, chance):
    owner, records, expected, aliases = HOST, [], None, 0
    for number, kind in enumerate(kinds):
        if kind == "address" and expected is None and aliases < 8:
            records.append(address(name(owner), f"198.51.100.{number}", ttl))
            expected = f"198.51.100.{number}"
        elif kind == "alias" and expected is None:
            following = f"alias{number}.example"
            records.append(record(name(owner), 5, name(following), ttl))
            owner, aliases = following, aliases + 1
        elif kind == "other":
            records.append(address(name(f"other{number}.example"), "198.51.100.66", ttl))
        else:
            records.append(record(name(owner), 16, b"\3abc", ttl))
    chance.shuffle(records)
    assert judge(message(QUERY, records)) == expected


def test_the_worst_answer_costs_few_steps():
    """A message may not hold the loop: the work for the worst that fits is bounded."""
    worst = b"\1a" * 120 + b"\0"
    steps = 0

    class Counted(bytes):
        def __getitem__(self, at):
            nonlocal steps
            steps += 1
            return bytes.__getitem__(self, at)

    pointer = struct.pack(">H", 0xC000 | len(QUERY))
    tail = record(worst, 5, pointer) + record(pointer, 5, pointer) * 18
    judge(Counted(message(QUERY, [tail])[:6] + b"\xff\xff" + message(QUERY, [tail])[8:]))
    assert steps < 4000
