"""Over TLS: the real firmware joins real brokers, and calls each refusal by its name. Dates are judged by the board's clock."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.version import BUILT
from host_tests.story.conftest import Fridge
from host_tests.tools.test_acl import BROKERS, Line, started
from host_tests.tools.test_factory_brokers import running
from nameplate.broker import EmbeddedBroker, ServerTls, free_port
from nameplate.factory.broker_tls import Authority, Pair, write_pair
from nameplate.factory.keys import key_file
from nameplate.factory.provision import Unit
from nameplate.feed.address import TlsFiles
from nameplate.feed.feed import Feed
from nameplate.feed.judge import Message
from nameplate.token.command import command, load_key
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier

NOW = datetime.now(UTC)
BUSY = ("starting", "joining", "Wi-Fi up", "connecting")


class Pki:
    """Our authority, somebody else's, and files of what they sign."""

    def __init__(self, folder: Path) -> None:
        self.ours, self.theirs = Authority.make(folder / "ours"), Authority.make(folder / "theirs")
        self.folder = folder
        self.ca = folder / "ours" / "ca.pem"

    def files(self, name: str, pair: Pair) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        if not key.exists():
            write_pair(pair, certificate, key)
        return certificate, key

    def good(self, clients: bool = False) -> ServerTls:
        certificate, key = self.files("good", self.ours.server(["127.0.0.1", "broker.home"]))
        return ServerTls(certificate, key, self.ca if clients else None)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@contextlib.contextmanager
def switched_on(unit, **options) -> Iterator[Fridge]:
    """The unit on a board whose time servers are silent: its clock stands at the floor."""
    fridge = Fridge(unit, world={"clock": "none"}, **options)
    try:
        yield fridge
    finally:
        fridge.close()


class Listening:
    """`nameplate listen`'s own feed: everything under nameplate/, judged."""

    def __init__(self, unit: Unit, url: str, tls: TlsFiles | None = None) -> None:
        self.messages: list[Message] = []
        self.feed = Feed(url, Verifier(Trust.load(unit.trust)), self.messages.append, tls=tls)

    def of(self, kind: str) -> list[Message]:
        return [message for message in list(self.messages) if message.verdict.kind == kind]

    def words(self) -> set[str]:
        """The verdicts given, but for commands: those are not the unit's."""
        return {found.verdict.verdict for found in list(self.messages) if not found.topic.endswith("/cmd")}


def test_heartbeats_over_tls_are_genuine(make_unit, pki):
    with EmbeddedBroker(tls=pki.good()) as broker:
        unit = make_unit(broker_url=broker.url, broker_ca=str(pki.ca), period_s=10)
        heard = Listening(unit, broker.url, TlsFiles(pki.ca))
        with heard.feed, switched_on(unit) as fridge:
            fridge.wait(lambda: len(heard.of("heartbeat")) >= 3)
            assert fridge.type("sent")[0].startswith("uplink is online")
            assert fridge.resets() == ["power"]
    assert heard.words() <= {"genuine", "duplicate"}


@pytest.mark.parametrize("auth", ["secret", "certificate"])
@pytest.mark.parametrize("program", BROKERS)
def test_the_factorys_own_brokers_take_the_unit_and_bring_it_a_command(
    make_unit, pki, manufacturer, tmp_path, program, auth
):
    port, registry = free_port(), tmp_path / "registry.sqlite"
    own = {"client_ca": str(pki.ca.parent)} if auth == "certificate" else {}
    unit = make_unit(
        registry=registry, broker_url=f"mqtts://127.0.0.1:{port}", broker_ca=str(pki.ca), period_s=10, **own
    )
    line = Line(tmp_path, registry, (unit, unit), pki.ca.parent)
    with started(line, program, auth, tmp_path / "broker", port) as broker:
        if auth == "secret":
            url = f"mqtts://backend:{(broker.folder / 'backend.secret').read_text().strip()}@127.0.0.1:{port}"
            heard = Listening(unit, url, TlsFiles(pki.ca))
        else:
            files = broker.folder / "backend.pem", broker.folder / "backend-key.pem"
            heard = Listening(unit, f"mqtts://127.0.0.1:{port}", TlsFiles(pki.ca, *files))
        with heard.feed, switched_on(unit) as fridge:
            fridge.wait(lambda: heard.of("heartbeat"))
            ask_for_identity(heard, fridge, manufacturer)
    assert heard.words() <= {"genuine", "duplicate"}


def ask_for_identity(heard: Listening, fridge: Fridge, manufacturer) -> None:
    """The backend's signed command over the broker, and the unit's proved answer."""
    key = load_key(manufacturer.directory / key_file("backend", 1))
    order = command(fridge.unit.ueid, "identity", key, "bm9uY2Utb2YtYmFja2VuZA", now=BUILT + 3600)
    topic = f"nameplate/1/{fridge.unit.oemid}/{fridge.unit.ueid}/cmd"
    heard.feed.publish_raw(topic, order.encode(), qos=0)
    fridge.wait(lambda: heard.of("reply"))
    (reply,) = heard.of("reply")
    assert reply.verdict.verdict == "genuine"


@pytest.mark.parametrize("secure", [False, True], ids=["mqtt", "mqtts"])
def test_amqtt_takes_it_too(make_unit, pki, manufacturer, tmp_path, secure):
    port = free_port()
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    if secure:
        certificate, key = pki.files("good", pki.ours.server(["127.0.0.1", "broker.home"]))
        listener |= {"ssl": True, "certfile": str(certificate), "keyfile": str(key)}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    (tmp_path / "amqtt.yaml").write_text(json.dumps({"listeners": {"default": listener}, "plugins": plugins}))
    url = f"mqtt{'s' if secure else ''}://127.0.0.1:{port}"
    unit = make_unit(broker_url=url, period_s=10, **({"broker_ca": str(pki.ca)} if secure else {}))
    program = Path(sys.executable).with_name("amqtt")
    heard = Listening(unit, url, TlsFiles(pki.ca) if secure else None)
    with (
        running([str(program), "-c", str(tmp_path / "amqtt.yaml")], port),
        heard.feed,
        switched_on(unit) as fridge,
    ):
        fridge.wait(lambda: len(heard.of("heartbeat")) >= 2)
        ask_for_identity(heard, fridge, manufacturer)
    assert heard.words() <= {"genuine", "duplicate"}


def refusal(fridge: Fridge) -> str:
    """What the unit says of its broker once it has tried."""
    fridge.until(lambda: not fridge.type("sent")[0].removeprefix("uplink is ").startswith(BUSY))
    return fridge.type("sent")[0].removeprefix("uplink is ").split(",")[0]


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (lambda pki: pki.theirs.server(["127.0.0.1"]), "unknown CA (TLS)"),
        (lambda pki: pki.ours.server(["broker.home"]), "wrong name (TLS)"),
        (lambda pki: pki.ours.server(["127.0.0.1"], days=1, now=NOW - timedelta(days=500)), "expired (TLS)"),
        (lambda pki: pki.ours.server(["127.0.0.1"], begins=NOW + timedelta(days=99)), "clock unknown (TLS)"),
    ],
    ids=["unknown CA", "wrong name", "expired", "clock unknown"],
)
def test_a_broker_that_is_not_believed_is_refused_by_name(make_unit, pki, request, signed, words):
    certificate, key = pki.files(request.node.callspec.id.replace(" ", "-"), signed(pki))
    with EmbeddedBroker(tls=ServerTls(certificate, key)) as broker:
        unit = make_unit(broker_url=broker.url, broker_ca=str(pki.ca))
        with switched_on(unit) as fridge:
            assert refusal(fridge) == words
            assert fridge.board.panel[3].startswith(words[:10])


@pytest.mark.parametrize("signer", ["theirs", None])
def test_a_unit_without_the_right_certificate_is_refused_and_says_so(make_unit, pki, signer):
    with EmbeddedBroker({"nobody": ""}, tls=pki.good(clients=True)) as broker:
        own = {"client_ca": str(pki.folder / signer)} if signer else {}
        with switched_on(make_unit(broker_url=broker.url, broker_ca=str(pki.ca), **own)) as fridge:
            assert refusal(fridge) == "client certificate refused (TLS)"


def test_a_broker_without_tls_on_that_port_is_called_so(make_unit, pki):
    with EmbeddedBroker() as broker:
        url = broker.url.replace("mqtt:", "mqtts:")
        with switched_on(make_unit(broker_url=url, broker_ca=str(pki.ca))) as fridge:
            assert refusal(fridge) == "not TLS"


def test_tls_on_a_port_taken_for_plain_is_called_so(make_unit, pki):
    with EmbeddedBroker(tls=pki.good()) as broker:
        url = broker.url.replace("mqtts:", "mqtt:")
        with switched_on(make_unit(broker_url=url, broker_ca=str(pki.ca))) as fridge:
            assert refusal(fridge) == "no MQTT on that port: TLS?"


def test_a_silent_port_is_given_up_and_the_leak_sounds_meanwhile(make_unit, pki):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and never says a word
        url = f"mqtts://127.0.0.1:{silent.getsockname()[1]}"
        with switched_on(make_unit(broker_url=url, broker_ca=str(pki.ca))) as fridge:
            fridge.wait(lambda: fridge.board.panel[3].startswith("connecting"))
            start = fridge.board.now_ms
            fridge.board.set("leak", "wet")
            fridge.wait(lambda: fridge.board.alarm, 2)
            assert fridge.board.now_ms - start <= 150
            assert refusal(fridge) == "no answer (TLS)"
