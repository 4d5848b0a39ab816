"""Over TLS: the real firmware joins real brokers, and calls each refusal by its name. Dates are judged by the board's clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from host_tests.story.conftest import Fridge
from nameplate.broker import EmbeddedBroker, ServerTls
from nameplate.factory.broker_tls import Authority, Pair, write_pair
from nameplate.feed.address import TlsFiles
from nameplate.feed.feed import Feed
from nameplate.feed.judge import Message
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
    fridge = Fridge(unit, **options)
    try:
        yield fridge
    finally:
        fridge.close()


def test_heartbeats_over_tls_are_genuine(make_unit, pki):
    messages: list[Message] = []
    with EmbeddedBroker(tls=pki.good()) as broker:
        unit = make_unit(broker_url=broker.url, broker_ca=str(pki.ca), period_s=10)
        verifier = Verifier(Trust.load(unit.trust))
        with Feed(broker.url, verifier, messages.append, tls=TlsFiles(pki.ca)), switched_on(unit) as fridge:
            beats = lambda: [found for found in messages if found.verdict.kind == "heartbeat"]  # noqa: E731
            fridge.wait(lambda: len(beats()) >= 3)
            said = fridge.type("sent")
            assert fridge.resets() == ["power"]
    assert {found.verdict.verdict for found in messages} <= {"genuine", "duplicate"}
    assert said[0].startswith("uplink is online")


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
        with switched_on(unit, world={"clock": "none"}) as fridge:
            assert refusal(fridge) == words
            assert fridge.board.panel[3].startswith(words[:10])
