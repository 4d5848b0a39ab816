"""A house for the story tests: a virtual fridge on its factory image, a real broker, a subscriber that verifies.

Simulated time passes only while a test waits for something, and as fast as this machine can; the broker is real.
"""

from __future__ import annotations

import json
import os
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from nameplate.broker import EmbeddedBroker
from nameplate.factory.provision import Unit
from nameplate.sim.board import VirtualBoard
from nameplate.token.trust import Trust
from nameplate.token.verdict import Verdict
from nameplate.token.verifier import Verifier

_MARKER = "nameplate/1/marker"


class Subscriber:
    """Everything under nameplate/, in the order of arrival, with its verdict."""

    def __init__(self, port: int, trust: Path, user: str | None = None, secret: str | None = None) -> None:
        self.verifier = Verifier(Trust.load(trust))
        self.verdicts: list[Verdict] = []
        self.tokens: list[tuple[str, bytes]] = []
        self._ready = threading.Event()
        self._settled = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(user, secret)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_disconnect = lambda *_: self._ready.clear()
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.back()

    def back(self) -> None:
        """Wait, in real time, until it hears the broker (again)."""
        assert self._ready.wait(20)

    def _connected(self, client: paho.Client, *_: object) -> None:
        client.subscribe("nameplate/1/#", qos=1)

    def _message(self, client: paho.Client, user: object, message: paho.MQTTMessage) -> None:
        if message.topic == _MARKER:
            self._settled.set()
            return
        if message.topic.endswith("/cmd"):
            return
        verdict = self.verifier.check(message.payload, topic=message.topic)
        self.tokens.append((message.topic, message.payload))
        self.verdicts.append(verdict)

    def settle(self) -> None:
        """Wait, in real time, until everything that the broker has by now has arrived here."""
        self._settled.clear()
        self.publish(_MARKER, b"")
        assert self._settled.wait(20)

    def publish(self, topic: str, payload: bytes | str) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def of(self, kind: str, **claims: Any) -> list[Verdict]:
        """The verdicts on tokens of a kind that carry these claims."""
        return [
            verdict
            for verdict in list(self.verdicts)
            if verdict.kind == kind
            and verdict.claims is not None
            and all(verdict.claims.get(name) == value for name, value in claims.items())
        ]

    def numbers(self) -> list[tuple[int, int]]:
        """(bootcount, seq) of every token that was new, sorted."""
        return sorted(
            (verdict.bootcount, verdict.seq)
            for verdict in list(self.verdicts)
            if verdict.kind in ("heartbeat", "event") and verdict.fresh
        )

    def words(self) -> set[str]:
        """The verdicts given so far."""
        return {verdict.verdict for verdict in list(self.verdicts)}

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Fridge:
    """A virtual board and its serial line."""

    def __init__(self, unit: Unit, **options: Any) -> None:
        options = {"speed": None, "stepped": True, "register": False, **options}
        self.unit = unit
        self.board = VirtualBoard(unit.path, **options)
        self._line = os.open(self.board.port.removeprefix("pty:"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._line)
        self._heard = b""
        self._asked = 0

    def heard(self) -> bytes:
        """All that the serial line has said."""
        try:
            while more := os.read(self._line, 65536):
                self._heard += more
        except BlockingIOError:
            pass
        return self._heard

    def say(self, data: bytes) -> None:
        """Bytes on the serial line."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._line, view) :]
            except BlockingIOError:
                self.run(50)

    def run(self, duration_ms: int) -> None:
        """Let time pass, reading along: a line that nobody reads fills up, and then drops what is said."""
        self.board.wait(lambda board: self.heard() is None, duration_ms)

    def wait(self, condition: Callable[[], Any], timeout_s: int = 60) -> None:
        """Let time pass until something is so; fails after `timeout_s` simulated seconds."""
        if not self.board.wait(
            lambda board: self.heard() is not None and bool(condition()), timeout_s * 1000
        ):
            raise AssertionError(
                f"not within {timeout_s} s; the line said: {self.heard()[-600:].decode(errors='replace')}"
            )

    def until(self, condition: Callable[[], Any], timeout_s: int = 60) -> None:
        """As `wait`, for a condition that itself lets time pass (because it asks the console)."""
        start = self.board.now_ms
        while not condition():
            assert self.board.now_ms - start < timeout_s * 1000, f"not within {timeout_s} s"
            self.run(500)

    def ask(self, method: str, timeout_s: int = 20, **params: Any) -> dict[str, Any]:
        """A JSON-RPC call on the console; the whole response."""
        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self.say(json.dumps(request).encode() + b"\n")
        found: list[dict[str, Any]] = []

        def answered() -> bool:
            *lines, _ = self.heard().split(b"\r\n")
            for line in lines:
                if line.startswith(b'{"jsonrpc":"2.0","id":%d,' % self._asked):
                    found.append(json.loads(line))
                    return True
            return False

        self.wait(answered, timeout_s)
        return found[0]

    def type(self, command: str, timeout_s: int = 10) -> list[str]:
        """A command as a person types it; the lines that it prints until the line is quiet."""
        start = len(self.heard())
        self.say(command.encode() + b"\n")
        self.wait(lambda: len(self.heard()) > start, timeout_s)
        size = 0
        while size != len(self.heard()):
            size = len(self.heard())
            self.run(300)
        return self.heard()[start:].decode(errors="replace").splitlines()

    def events(self, kind: str) -> list[Any]:
        """What the board noted of that kind."""
        return [event for event in list(self.board.events) if event.kind == kind]

    def resets(self) -> list[str]:
        """Why it started, each time."""
        return [event.detail for event in self.events("boot")]

    def close(self) -> None:
        self.board.stop()
        os.close(self._line)


class House:
    """A fridge, its broker and a subscriber."""

    def __init__(self, unit: Unit, broker: EmbeddedBroker, subscriber: Subscriber) -> None:
        self.unit = unit
        self.broker = broker
        self.subscriber = subscriber
        self.topic = f"nameplate/1/{unit.oemid}/{unit.ueid}/"
        self._fridges: list[Fridge] = []

    def switch_on(self, **options: Any) -> Fridge:
        """The fridge, just plugged in."""
        fridge = Fridge(self.unit, **options)
        self._fridges.append(fridge)
        return fridge

    def close(self) -> None:
        for fridge in self._fridges:
            fridge.close()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A nats-server of this test's own."""
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def build_house(make_unit: Callable[..., Unit], broker: EmbeddedBroker) -> Iterator[Callable[..., House]]:
    """`build_house(**fields)`: a house whose unit is provisioned with these fields."""
    houses: list[House] = []
    subscribers: list[Subscriber] = []

    def build(**fields: Any) -> House:
        unit = make_unit(broker_url=broker.url, **{"period_s": 10, **fields})
        subscriber = Subscriber(broker.port, unit.trust)
        subscribers.append(subscriber)
        houses.append(House(unit, broker, subscriber))
        return houses[-1]

    yield build
    for house in houses:
        house.close()
    for subscriber in subscribers:
        subscriber.close()


@pytest.fixture
def house(build_house: Callable[..., House]) -> House:
    """A house with a heartbeat every ten seconds."""
    return build_house()
