"""A unit cannot speak or listen outside its own topics: the factory's own broker folders, run by the real brokers over TLS.

Both ways of proving who one is: user and secret, and a client certificate.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from host_tests.tools.test_factory_brokers import running
from nameplate.broker import free_port, nats_server_program
from nameplate.cli import main
from nameplate.factory.broker_tls import Authority, write_pair
from nameplate.factory.brokers import UP
from nameplate.factory.provision import Unit

BROKERS, AUTHS = ("nats", "mosquitto"), ("secret", "certificate")


@dataclass
class Line:
    """Two units of one register, and what the broker's folder is made from."""

    folder: Path
    registry: Path
    units: tuple[Unit, Unit]
    authority: Path


@pytest.fixture(scope="module")
def line(make_unit, tmp_path_factory) -> Line:
    folder = tmp_path_factory.mktemp("line")
    registry, authority = folder / "registry.sqlite", folder / "ca"
    assert main.run(["factory", "broker-ca", str(authority)]) == 0
    units = make_unit("4F7-1", registry=registry), make_unit("4F7-2", registry=registry)
    return Line(folder, registry, units, authority)


def broker_program(broker: str) -> str:
    if broker == "nats":
        return nats_server_program()
    program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("NOT TESTED: Mosquitto is not installed (apt-get install mosquitto)")
    return str(program)


@dataclass
class Running:
    """A broker of the factory's making."""

    folder: Path
    port: int
    line: Line
    certificates: bool

    def identity(self, name: str) -> dict[str, object]:
        """How `name` (a unit's ueid or "backend") proves itself to it."""
        if not self.certificates:
            secrets = {unit.broker_user: unit.broker_secret for unit in self.line.units}
            secret = secrets.get(name) or (self.folder / "backend.secret").read_text().strip()
            return {"user": (name, secret)}
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        if not certificate.exists():
            write_pair(Authority.load(self.line.authority).client(name), certificate, key)
        return {"files": (certificate, key)}

    def client(self, name: str, **options: object) -> Client:
        return Client(self.port, self.folder / "ca.pem", **{**self.identity(name), **options})


@contextlib.contextmanager
def started(line: Line, broker: str, auth: str, folder: Path, port: int = 0) -> Iterator[Running]:
    """The factory's folder for a broker, and that broker run from it."""
    program, port = broker_program(broker), port or free_port()
    words = ["--broker", broker, "--registry", line.registry, "--ca", line.authority, "--auth", auth]
    words += ["--name", "127.0.0.1", "--backend", "backend", "--address", "127.0.0.1", "--port", port]
    assert main.run(["factory", "broker-folder", str(folder), *map(str, words)]) == 0
    config = next(folder.glob("*.conf"))
    if broker == "nats":  # several tests run at once
        config.write_text(config.read_text().replace("127.0.0.1:4222", "127.0.0.1:-1"))
    elif os.geteuid() == 0:
        config.write_text("user root\n" + config.read_text())
    with running([program, "-c", str(config)], port):
        yield Running(folder, port, line, auth == "certificate")


@pytest.fixture(scope="module", params=[(broker, auth) for broker in BROKERS for auth in AUTHS], ids="-".join)
def broker(request, line, tmp_path_factory) -> Iterator[Running]:
    with started(line, *request.param, tmp_path_factory.mktemp("broker") / "folder") as made:
        yield made


class Client:
    """An MQTT client over TLS that notes what it is given."""

    def __init__(
        self,
        port: int,
        ca: Path,
        user: tuple[str, str] | None = None,
        files: tuple[Path, Path] | None = None,
        will: str | None = None,
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.joined = False
        self._answered, self._granted = threading.Event(), threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311, reconnect_on_failure=False
        )
        self._client.tls_set(str(ca), *(map(str, files) if files else ()))
        if user:
            self._client.username_pw_set(*user)
        if will:
            self._client.will_set(will, b"will", 1)
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *_: self._answered.set()
        self._client.on_message = lambda client, data, got: self.received.append((got.topic, got.payload))
        self._client.on_subscribe = lambda *_: self._granted.set()
        with contextlib.suppress(OSError):  # TLS itself may refuse
            self._client.connect("127.0.0.1", port)
            self._client.loop_start()
            assert self._answered.wait(10)

    def _connected(self, client, data, flags, reason, properties) -> None:
        self.joined = not reason.is_failure
        self._answered.set()

    def subscribe(self, topic: str, qos: int = 0) -> None:
        """Returns when the broker has answered, whether or not it grants."""
        self._granted.clear()
        self._client.subscribe(topic, qos)
        assert self._granted.wait(10), topic

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """At QoS 1: returns when the broker has answered, whether or not it lets the message through."""
        self._client.publish(topic, payload, 1, retain).wait_for_publish(10)

    def drop(self) -> None:
        """Gone without a goodbye: the broker publishes the will."""
        self._client.socket().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def settled(backend: Client, publisher: Client, topic: str) -> list[tuple[str, bytes]]:
    """What the backend has got, once a last message that it is allowed to see has come through."""
    publisher.publish(topic, b"the last")
    deadline = time.monotonic() + 10
    while (topic, b"the last") not in backend.received and time.monotonic() < deadline:
        time.sleep(0.01)
    found = list(backend.received)
    assert (topic, b"the last") in found
    backend.received.clear()
    return [message for message in found if message[1] != b"the last"]


@pytest.fixture
def clients(broker) -> Iterator[dict[str, Client]]:
    """The backend, which listens to all, and both units."""
    first, second = broker.line.units
    made = {
        "backend": broker.client("backend"),
        "first": broker.client(first.ueid),
        "second": broker.client(second.ueid),
    }
    assert all(client.joined for client in made.values())
    made["backend"].subscribe("nameplate/1/#", 1)
    yield made
    for client in made.values():
        client.close()


def root(unit: Unit) -> str:
    return f"nameplate/1/{unit.oemid}/{unit.ueid}/"


def test_a_unit_publishes_under_its_own_topics_only(broker, clients):
    own, another = map(root, broker.line.units)
    for leaf in UP:
        clients["first"].publish(own + leaf, b"own")
    for topic in [another + leaf for leaf in (*UP, "cmd")] + [
        own + "cmd", own + "heartbeat/more", own[:-1], "nameplate/1/32473/heartbeat", "nameplate/1/1/x/heartbeat",
        "nameplate/2/32473/x/heartbeat", "elsewhere",
    ]:  # fmt: skip
        clients["first"].publish(topic, b"stolen")
        clients["first"].publish(topic, b"stolen", retain=True)
    found = settled(clients["backend"], clients["first"], own + "status")
    assert sorted(found) == sorted((own + leaf, b"own") for leaf in UP)
    late = broker.client("backend")  # whoever comes later finds nothing that was left there
    late.subscribe("nameplate/1/#", 1)
    assert settled(late, clients["first"], own + "status") == []
    late.close()


def test_a_unit_hears_its_own_commands_and_nothing_else(broker, clients):
    own, another = map(root, broker.line.units)
    clients["first"].publish(own + "identity", b"kept", retain=True)
    for topic in (
        "#", "+/#", "nameplate/#", "nameplate/1/#", "nameplate/1/32473/+/cmd", "+/+/+/+/cmd", "$SYS/#", "$MQTT/#",
        own + "#", own + "+", own + "heartbeat", own + "cmd", own + "cmd/#", another + "cmd", another + "#",
    ):  # fmt: skip
        for qos in (0, 1):
            clients["second"].subscribe(
                topic.replace(own, "X/").replace(another, own).replace("X/", another), qos
            )
    # Seen from the second unit the names are the other way round: `another` is its own.
    for leaf in UP:
        clients["first"].publish(own + leaf, b"heard?")
    clients["backend"].publish(own + "cmd", b"for the first")
    clients["backend"].publish(another + "cmd", b"for the second")
    settled(clients["backend"], clients["first"], own + "status")
    deadline = time.monotonic() + 10
    while not clients["second"].received and time.monotonic() < deadline:
        time.sleep(0.01)
    settled(clients["backend"], clients["first"], own + "status")
    assert set(clients["second"].received) == {(another + "cmd", b"for the second")}
    clients["first"].publish(own + "identity", b"", retain=True)


def test_a_will_is_bound_to_the_unit_too(broker, clients):
    own, another = map(root, broker.line.units)
    thief = broker.client(broker.line.units[0].ueid, will=another + "status")
    if thief.joined:  # Mosquitto lets it in and keeps the will to itself
        thief.drop()
    honest = broker.client(broker.line.units[0].ueid, will=own + "status")
    assert honest.joined
    honest.drop()
    deadline = time.monotonic() + 10
    while (own + "status", b"will") not in clients["backend"].received and time.monotonic() < deadline:
        time.sleep(0.01)
    assert settled(clients["backend"], clients["first"], own + "heartbeat") == [(own + "status", b"will")]


def test_the_backend_reads_all_and_publishes_commands_only(broker, clients):
    own, _ = map(root, broker.line.units)
    for leaf in UP:
        clients["backend"].publish(own + leaf, b"forged")
    clients["backend"].publish(own + "cmd", b"order")
    assert settled(clients["backend"], clients["first"], own + "status") == [(own + "cmd", b"order")]


def test_nobody_gets_in_as_another_or_as_nobody(broker, tmp_path):
    first, second = broker.line.units
    ca = broker.folder / "ca.pem"
    assert not Client(broker.port, ca).joined
    if not broker.certificates:
        assert not Client(broker.port, ca, user=(second.broker_user, first.broker_secret)).joined
        assert not Client(broker.port, ca, user=("backend", first.broker_secret)).joined
        return
    assert not Client(broker.port, ca, user=(first.broker_user, first.broker_secret)).joined
    foreign = Authority.make(tmp_path / "foreign").client(first.ueid)
    write_pair(foreign, tmp_path / "foreign.pem", tmp_path / "foreign-key.pem")
    assert not Client(broker.port, ca, files=(tmp_path / "foreign.pem", tmp_path / "foreign-key.pem")).joined
    # A name in the packet counts for nothing beside the one in the certificate.
    posing = broker.client(first.ueid, user=(second.ueid, second.broker_secret))
    backend = broker.client("backend")
    backend.subscribe("nameplate/1/#", 1)
    if posing.joined:
        posing.publish(root(second) + "heartbeat", b"posing")
    honest = broker.client(first.ueid)
    assert settled(backend, honest, root(first) + "status") == []
    for client in (posing, backend, honest):
        client.close()


def test_the_folder_is_written_again_when_units_are_added(line, make_unit, tmp_path, capsys):
    words = [
        "factory",
        "broker-folder",
        str(tmp_path / "folder"),
        "--broker",
        "nats",
        "--registry",
        str(line.registry),
    ]
    words += ["--ca", str(line.authority), "--name", "broker.home", "--backend", "backend"]
    assert main.run(words) == 0
    kept = {
        name: (tmp_path / "folder" / name).read_bytes()
        for name in ("server.pem", "server-key.pem", "backend.secret")
    }
    assert main.run(words) == 0
    assert kept == {name: (tmp_path / "folder" / name).read_bytes() for name in kept}
    for path in (tmp_path / "folder").iterdir():
        secret = path.suffix in (".conf", ".secret") or "-key" in path.name
        assert (stat.S_IMODE(path.stat().st_mode) == 0o600) == secret, path.name
    shown = "".join(capsys.readouterr())
    assert kept["backend.secret"].decode().strip() not in shown
    assert all(unit.broker_secret not in shown for unit in line.units)
    text = (tmp_path / "folder" / "nats.conf").read_text()
    assert json.dumps(line.units[0].broker_user) in text
    assert '"timeout": 20' in text  # a chip's handshake takes longer than nats-server's 2 s


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--auth", "certificate"], "certificates need TLS"),
        (["--ca", "CA"], "the broker has no name"),
        (["--ca", "CA", "--name", "no/name"], "neither a host name nor an IPv4 address"),
        (["--ca", "NOWHERE", "--name", "x"], "cannot be read"),
        (["--backend", "UEID"], "is a unit"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_and_not_begun(line, tmp_path, capsys, words, said):
    known = {"CA": str(line.authority), "NOWHERE": str(tmp_path / "nowhere"), "UEID": line.units[0].ueid}
    out = tmp_path / "folder"
    command = [
        "factory",
        "broker-folder",
        str(out),
        "--broker",
        "mosquitto",
        "--registry",
        str(line.registry),
    ]
    assert main.run(command + [known.get(word, word) for word in words]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()
