"""The brokers' configuration, read by the real brokers: a unit gets in with its secret, and to its own topics only."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from nameplate.broker import free_port, nats_server_program
from nameplate.cli import main
from nameplate.factory.brokers import FORMATS, UP
from nameplate.factory.provision import Unit
from nameplate.factory.registry import Registry


@pytest.fixture(scope="module")
def two(make_unit, tmp_path_factory) -> tuple[Path, Unit, Unit]:
    """Two units of one register."""
    registry = tmp_path_factory.mktemp("line") / "registry.sqlite"
    return registry, make_unit("4F7-1", registry=registry), make_unit("4F7-2", registry=registry)


def written(registry: Path, form: str, out: Path) -> Path:
    assert (
        main.run(
            ["factory", "broker-users", "--registry", str(registry), "--format", form, "--out", str(out)]
        )
        == 0
    )
    return out


@pytest.mark.parametrize("form", FORMATS)
def test_the_file_is_its_owners_and_the_screen_shows_no_secret(two, tmp_path, capsys, form):
    registry, *units = two
    path = written(registry, form, tmp_path / "users")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = "".join(capsys.readouterr())
    assert "2 users" in shown
    for unit in units:
        assert unit.broker_secret not in shown
        plain = form in ("json", "nats")
        assert (unit.broker_secret in path.read_text()) == plain


def test_the_plain_form_names_each_units_topics(two, tmp_path):
    registry, *units = two
    rows = json.loads(written(registry, "json", tmp_path / "users").read_text())
    assert rows == [
        {"user": unit.ueid, "secret": unit.broker_secret, "topics": f"nameplate/1/32473/{unit.ueid}"}
        for unit in units
    ]


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 15
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise AssertionError(process.communicate()[0].decode()) from None
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)


# Whoever may read and write all, as the broker's owner adds to what the factory wrote.
BACKEND = {"user": "backend", "password": "only-for-this-test"}


@contextmanager
def nats(registry: Path, folder: Path) -> Iterator[int]:
    port = free_port()
    name, _, value = written(registry, "nats", folder / "users.conf").read_text().partition(":")
    users = json.loads(value)
    users["users"].append(BACKEND)
    (folder / "nats.conf").write_text(
        "listen: 127.0.0.1:-1\nserver_name: factory-test\n"
        f"jetstream {{ store_dir: {json.dumps(str(folder / 'jetstream'))} }}\n"
        f"mqtt {{ listen: 127.0.0.1:{port} }}\n{name}: {json.dumps(users)}\n"
    )
    with running([nats_server_program(), "-c", str(folder / "nats.conf")], port):
        yield port


@contextmanager
def mosquitto(registry: Path, folder: Path) -> Iterator[int]:
    program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("NOT TESTED: Mosquitto is not installed (apt-get install mosquitto)")
    port = free_port()
    with Registry(registry) as register:
        (entry, _), *_ = register.broker_users()
    backend = FORMATS["mosquitto"]([(replace(entry, broker_user=BACKEND["user"]), BACKEND["password"])])
    users, acl = (
        written(registry, "mosquitto", folder / "users"),
        written(registry, "mosquitto-acl", folder / "acl"),
    )
    users.write_text(users.read_text() + backend)
    acl.write_text(f"user {BACKEND['user']}\ntopic readwrite #\n\n" + acl.read_text())
    as_root = "user root\n" if os.geteuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(
        f"{as_root}listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {users}\nacl_file {acl}\n"
    )
    with running([program, "-c", str(folder / "mosquitto.conf")], port):
        yield port


class Client:
    """An MQTT client that notes what it is given."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.refused: bool | None = None
        self._answered, self._granted = threading.Event(), threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self._client.username_pw_set(user, password)
        self._client.on_connect = self._connected
        self._client.on_message = lambda client, data, got: self.received.append((got.topic, got.payload))
        self._client.on_subscribe = lambda *_: self._granted.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._answered.wait(10)

    def _connected(self, client, data, flags, reason, properties) -> None:
        self.refused = reason.is_failure
        self._answered.set()

    def subscribe(self, topic: str) -> None:
        """Returns when the broker has answered, whether or not it grants."""
        self._granted.clear()
        self._client.subscribe(topic, 0)
        assert self._granted.wait(10)

    def publish(self, topic: str, payload: bytes) -> None:
        """At QoS 1: returns when the broker has answered, whether or not it lets the message through."""
        self._client.publish(topic, payload, 1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.parametrize("broker", [nats, mosquitto])
def test_a_unit_gets_in_with_its_secret_and_uses_its_own_topics_only(two, tmp_path, broker):
    registry, *units = two
    topics = [f"nameplate/1/32473/{unit.ueid}" for unit in units]
    with broker(registry, tmp_path) as port:
        wrong = Client(port, units[0].broker_user, units[1].broker_secret)
        wrong.close()
        assert wrong.refused
        backend = Client(port, BACKEND["user"], BACKEND["password"])
        first, second = (Client(port, unit.broker_user, unit.broker_secret) for unit in units)
        try:
            assert not (backend.refused or first.refused or second.refused)
            backend.subscribe("nameplate/1/#")
            for topic in ("nameplate/1/#", f"{topics[0]}/heartbeat", f"{topics[0]}/cmd", f"{topics[1]}/cmd"):
                second.subscribe(topic)
            for name in (*UP, "cmd"):
                first.publish(f"{topics[0]}/{name}", b"own")
                first.publish(f"{topics[1]}/{name}", b"another's")
            backend.publish(f"{topics[0]}/cmd", b"for the first")
            backend.publish(f"{topics[1]}/cmd", b"for the second")
            deadline = time.monotonic() + 10
            while (
                len(backend.received) < len(UP) + 2 or not second.received
            ) and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            for client in (backend, first, second):
                client.close()
    commands = [(f"{topics[0]}/cmd", b"for the first"), (f"{topics[1]}/cmd", b"for the second")]
    assert sorted(backend.received) == sorted([(f"{topics[0]}/{name}", b"own") for name in UP] + commands)
    assert second.received == commands[1:]
