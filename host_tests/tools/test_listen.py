"""listen and ask, against a real broker: nats-server, and Mosquitto where there is one."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization

from nameplate.broker import EmbeddedBroker, free_port
from nameplate.cli.listen import Listener
from nameplate.cli.main import run
from nameplate.errors import NOT_REACHED, USAGE, NameplateError
from nameplate.feed.address import BrokerAddress
from nameplate.feed.feed import Feed
from nameplate.feed.held import MAX_HELD, MAX_PER_BOARD
from nameplate.feed.judge import Judge
from nameplate.token.base64url import encode
from nameplate.token.model import Manufacturer, ModelUnit
from nameplate.token.verifier import Verifier


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running.url


@pytest.fixture(scope="module")
def maker():
    return Manufacturer()


@pytest.fixture
def trust_file(tmp_path, maker):
    path = tmp_path / "acme.jwks"
    path.write_text(json.dumps(maker.jwks()))
    return str(path)


class Publisher(Feed):
    """The other side: publishes and hears nothing."""

    def __init__(self, url):
        super().__init__(url, Verifier(Manufacturer().trust()), lambda message: None, topics=("none",))

    def say(self, unit, leaf, token, retain=False):
        data = token if isinstance(token, bytes) else token.encode()
        self.publish_raw(unit.topic(leaf), data, retain=retain)


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


@pytest.fixture
def listening(monkeypatch):
    """Run listen on a thread, and wait until it has subscribed; gives the thread and where its exit code will be."""
    up = threading.Event()
    monkeypatch.setattr(Listener, "link", lambda self, is_up: up.set())

    def start(args):
        result = []
        up.clear()
        thread = threading.Thread(target=lambda: result.append(run(["listen", *args])), daemon=True)
        thread.start()
        assert up.wait(20)
        return thread, result

    return start


def tell_story(url, maker, unit, clone_too=True):
    unit.boot()
    with Publisher(url) as out:
        out.say(unit, "status", unit.birth(), retain=True)
        out.say(unit, "identity", maker.binding(unit), retain=True)
        first, second = unit.heartbeat(), unit.event()
        out.say(unit, "heartbeat", first)
        out.say(unit, "event", second)
        out.say(unit, "heartbeat", first)
        out.say(unit, "heartbeat", first[:-1] + ("A" if first[-1] != "A" else "Q"))
        out.say(unit, "heartbeat", b"\xff\x00\x1b[2J")
        if clone_too:
            clone = unit.copy()
            clone.boot()
            out.say(unit, "heartbeat", unit.heartbeat())
            out.say(unit, "heartbeat", clone.heartbeat())


STORY = ["genuine", "genuine", "genuine", "genuine", "duplicate", "forged", "forged", "genuine", "clone"]


@pytest.fixture
def any_broker(request, broker, tmp_path):
    if request.param == "nats-server":
        yield broker
        return
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have Mosquitto")
        missing = "no mosquitto on this machine (apt-get install mosquitto)"
        print(f"\nNOT TESTED: {missing}", file=sys.__stderr__)
        pytest.skip(missing)
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen(
        [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"mqtt://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                Publisher(url).start(1).stop()
                break
            except NameplateError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("any_broker", ["nats-server", "mosquitto"], indirect=True)
def test_listen_gives_every_message_its_verdict(any_broker, maker, trust_file, tmp_path, listening, capsys):
    unit, aside = ModelUnit(), tmp_path / "aside.jsonl"
    args = [
        "--trust",
        trust_file,
        "--broker",
        any_broker,
        "--json",
        "--aside",
        str(aside),
        "--count",
        "9",
        "--for",
        "60",
    ]
    thread, result = listening(args)
    tell_story(any_broker, maker, unit)
    thread.join(30)
    assert result == [1]
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    mine = [line for line in printed if unit.ueid in line["topic"]]
    # The birth came first, and waited for the binding.
    assert [(line["kind"], line["verdict"]) for line in mine[:2]] == [
        ("binding", "genuine"),
        ("status", "genuine"),
    ]
    assert [line["verdict"] for line in mine] == STORY
    kept = [json.loads(line) for line in aside.read_text().splitlines()]
    assert [line["code"] for line in kept] == ["altered", "not-jws"]
    assert kept[1]["payload"] == encode(b"\xff\x00\x1b[2J")


def test_one_line_for_people_and_nothing_that_steers_the_terminal(
    broker, maker, trust_file, listening, capsys
):
    unit = ModelUnit()
    unit.boot()
    with Publisher(broker) as out:
        thread, result = listening(["--trust", trust_file, "--broker", broker, "--for", "3"])
        out.say(unit, "identity", maker.binding(unit))
        out.say(
            unit,
            "heartbeat",
            unit.heartbeat(senml=[{"n": "pan", "vb": False}, {"n": "fridge", "vs": "open"}]),
        )
        out.say(unit, "heartbeat", b"\x1b]0;owned\x07\x1b[31m")
        out.publish_raw("nameplate/1/\x1b[2J", b"x")
        thread.join(20)
    out_text = capsys.readouterr().out
    mine = [line for line in out_text.splitlines() if unit.ueid[-7:] in line]
    assert "pan dry | fridge ? open" in mine[1]
    assert mine[1].split()[1:5] == [f"..{unit.ueid[-7:]}", "heartbeat", "1/0", "genuine"]
    assert "forged" in mine[2]
    assert not any(ord(character) < 32 for character in out_text if character != "\n")
    assert result == [1]


def test_state_survives_a_restart(broker, maker, trust_file, tmp_path, listening, capsys):
    unit, state = ModelUnit(), tmp_path / "state.json"
    unit.boot()
    binding, first = maker.binding(unit), unit.heartbeat()
    args = ["--trust", trust_file, "--broker", broker, "--json", "--state", str(state), "--for", "2"]
    for _ in range(2):
        with Publisher(broker) as out:
            thread, result = listening(args)
            out.say(unit, "identity", binding)
            out.say(unit, "heartbeat", first)
            thread.join(20)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    mine = [line["code"] for line in lines if unit.ueid in line["topic"]]
    assert mine == ["binding-new", "first-seen", "binding-known", "same-bytes"]
    assert result == [0]
    assert state.stat().st_mode & 0o077 == 0


def test_an_unreachable_broker_is_told_in_two_lines_without_the_password(trust_file, capsys):
    url = f"mqtt://me:hunter2@127.0.0.1:{free_port()}"
    assert run(["listen", "--trust", trust_file, "--broker", url]) == NOT_REACHED
    told = capsys.readouterr().err
    assert "not reached" in told and "me@127.0.0.1" in told and "hunter2" not in told
    assert len(told.splitlines()) == 2


def test_a_refused_user_is_not_reached_either(maker, monkeypatch):
    with EmbeddedBroker({"me": "right"}) as guarded:
        port = guarded.port
        monkeypatch.setenv("NAMEPLATE_BROKER_PASSWORD", "wrong")
        with pytest.raises(NameplateError) as refused:
            Publisher(f"mqtt://me@127.0.0.1:{port}").start(5)
        assert refused.value.exit_code == NOT_REACHED and "refused" in refused.value.message
        monkeypatch.setenv("NAMEPLATE_BROKER_PASSWORD", "right")
        Publisher(f"mqtt://me@127.0.0.1:{port}").start(5).stop()


def test_the_feed_takes_up_a_lost_connection_again(maker):
    unit, heard, links = ModelUnit(), [], []
    unit.boot()
    server = EmbeddedBroker()
    server.start()
    feed = Feed(server.url, Verifier(maker.trust()), heard.append, on_link=links.append).start()
    try:
        server.stop()
        wait_for(lambda: links[-1] is False)
        server = EmbeddedBroker(port=server.port)
        server.start()
        wait_for(lambda: links[-1] is True, 20)
        with Publisher(server.url) as out:
            out.say(unit, "identity", maker.binding(unit))
        wait_for(lambda: heard)
        assert heard[0].verdict.code == "binding-new"
    finally:
        feed.stop()
        server.stop()


def test_a_callback_that_raises_ends_the_feed_aloud(broker, maker):
    unit = ModelUnit()

    def broken(message):
        raise BrokenPipeError

    with Feed(broker, Verifier(maker.trust()), broken) as feed:
        with Publisher(broker) as out:
            out.say(unit, "identity", maker.binding(unit))
        with pytest.raises(BrokenPipeError):
            feed.wait(10)


@pytest.mark.parametrize(
    "url", ["http://x", "mqtt://", "mqtt://h:99999", "mqtt://h/path", "ftp://h", "mqtt://h:x"]
)
def test_broker_urls_that_cannot_be(url):
    with pytest.raises(NameplateError) as refused:
        BrokerAddress.parse(url)
    assert refused.value.exit_code == USAGE


def test_broker_urls_that_can(monkeypatch):
    monkeypatch.delenv("NAMEPLATE_BROKER_PASSWORD", raising=False)
    assert BrokerAddress.parse("example.com") == BrokerAddress("example.com", 1883)
    address = BrokerAddress.parse("mqtts://a%40b:p%2Fw@[::1]:9")
    assert (address.host, address.port, address.tls, address.user, address.password) == (
        "::1",
        9,
        True,
        "a@b",
        "p/w",
    )
    assert str(address) == "mqtts://a@b@[::1]:9" and "p/w" not in repr(address)


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_what_comes_before_its_binding_waits_for_it_and_no_longer(maker):
    unit, clock = ModelUnit(), Time()
    unit.boot()
    judge = Judge(Verifier(maker.trust()), 3, clock)
    first, second = unit.heartbeat(), unit.heartbeat()
    assert list(judge.take(1, unit.topic("heartbeat"), first.encode(), False)) == []
    clock.now = 2.9
    assert list(judge.overdue()) == []
    codes = [
        m.verdict.code for m in judge.take(2, unit.topic("identity"), maker.binding(unit).encode(), True)
    ]
    assert codes == ["binding-new", "first-seen"]
    stranger = ModelUnit()
    stranger.boot()
    assert list(judge.take(3, stranger.topic("heartbeat"), stranger.heartbeat().encode(), False)) == []
    clock.now = 6
    assert [m.verdict.code for m in judge.overdue()] == ["no-binding"]
    assert list(judge.overdue()) == []
    assert [m.verdict.code for m in judge.take(4, unit.topic("heartbeat"), second.encode(), False)] == [
        "in-order"
    ]


def test_strangers_cannot_fill_the_memory(maker):
    judge = Judge(Verifier(maker.trust(), max_units=3), 3, Time())
    stranger = ModelUnit()
    stranger.boot()
    token, topic = stranger.heartbeat().encode(), stranger.topic("heartbeat")
    told = [list(judge.take(0, topic, token, False)) for _ in range(MAX_PER_BOARD + 5)]
    assert sum(map(len, told)) == 5
    for _ in range(MAX_HELD // MAX_PER_BOARD + 3):
        other = ModelUnit()
        other.key, other.bootcount = stranger.key, 1
        token, topic = other.heartbeat().encode(), other.topic("heartbeat")
        for _ in range(MAX_PER_BOARD):
            list(judge.take(0, topic, token, False))
    assert len(judge._held) == MAX_HELD
    for _ in range(5):
        unit = ModelUnit()
        list(judge.take(0, unit.topic("identity"), maker.binding(unit).encode(), False))
    assert (len(judge.verifier.units), judge.verifier.units.forgotten) == (3, 2)


class Board(threading.Thread):
    """A unit that answers identity commands as the firmware does."""

    def __init__(self, url, maker, unit, reply):
        super().__init__(daemon=True)
        self.unit, self.reply = unit, reply
        self.feed = Feed(url, Verifier(maker.trust()), self.heard, topics=(unit.topic("cmd"),))

    def heard(self, message):
        if message.verdict.fresh:
            answer = self.reply(message.verdict.claims["eat_nonce"])
            threading.Thread(
                target=self.feed.publish_raw, args=(self.unit.topic("reply"), answer.encode())
            ).start()


@pytest.fixture
def backend_key(tmp_path, maker):
    path = tmp_path / "backend.pem"
    path.write_bytes(
        maker.keys["backend"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(path)


def answering(broker, maker, unit, make):
    board = Board(broker, maker, unit, make)
    board.feed.start()
    with Publisher(broker) as out:
        out.say(unit, "identity", maker.binding(unit), retain=True)
    return board.feed


def reply_with(unit, identity, **changes):
    def make(nonce):
        claims = {"eat_nonce": nonce, "carrier": "mqtt", "method": "identity", "bootcount": 1, "uptime": 5}
        return unit.sign("reply", {**claims, "clock": "unknown", "identity": identity, **changes})

    return make


def test_ask_proves_who_answers(broker, maker, trust_file, backend_key, capsys):
    unit = ModelUnit()
    feed = answering(broker, maker, unit, reply_with(unit, maker.identity(unit)))
    try:
        args = ["--trust", trust_file, "--key", backend_key, "--broker", broker]
        assert run(["ask", unit.ueid, *args]) == 0
        assert "serial 4F7-220918" in capsys.readouterr().out
        assert run(["ask", f"..{unit.ueid[-7:]}", *args, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["identity"]["serial"] == "4F7-220918"
    finally:
        feed.stop()


def test_ask_does_not_believe_another_boards_identity(broker, maker, trust_file, backend_key, capsys):
    unit = ModelUnit()
    feed = answering(broker, maker, unit, reply_with(unit, maker.identity(ModelUnit())))
    try:
        assert run(["ask", unit.ueid, "--trust", trust_file, "--key", backend_key, "--broker", broker]) == 1
        assert "not proved" in capsys.readouterr().err
    finally:
        feed.stop()


def test_ask_an_absent_board_is_not_reached(broker, maker, trust_file, backend_key, capsys):
    unit = ModelUnit()
    args = ["--trust", trust_file, "--key", backend_key, "--broker", broker, "--timeout", "0.5"]
    assert run(["ask", unit.ueid, *args]) == NOT_REACHED
    with Publisher(broker) as out:
        out.say(unit, "identity", maker.binding(unit), retain=True)
    assert run(["ask", unit.ueid, *args]) == NOT_REACHED
    told = capsys.readouterr().err
    assert "no binding" in told and "did not answer" in told


def test_ask_needs_the_backends_key(broker, maker, trust_file, tmp_path, capsys):
    path = tmp_path / "update.pem"
    path.write_bytes(
        maker.keys["update"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    assert (
        run(["ask", ModelUnit().ueid, "--trust", trust_file, "--key", str(path), "--broker", broker]) == USAGE
    )
