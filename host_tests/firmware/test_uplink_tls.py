"""TLS as the device does it: whom it believes, and that every refusal is called by its name.

On the real interpreter (whose TLS is the chip's library) against real TLS servers; dates are judged by this machine's clock.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from host_tests.firmware.simulated_time import PRELUDE
from nameplate.factory import broker_tls
from nameplate.factory.broker_tls import Authority, Pair
from nameplate.factory.nvs_image import frame

NOW = datetime.now(UTC)
SETUP = (
    PRELUDE
    + """
import asyncio
from firmware.uplink import transport
from firmware.uplink.mqtt import LinkError
from firmware.uplink.dns import Resolver
class Nvs:
    def get_blob(self, key, limit):
        return BLOBS.get(key)
class Clock:
    now = None
    def unix(self):
        return self.now
class Watch:
    suspected = False
clock, watch = Clock(), Watch()
MEMORY = None
URL = "mqtts://127.0.0.1:%d"
async def connect(url=None):
    try:
        stream, named = await transport.connect(url or URL % PORT, Resolver(lambda: None), Nvs(), clock, watch, MEMORY)
    except LinkError as error:
        return str(error)
    stream.write(b"hello")  # the first byte of MQTT has gone ahead
    await stream.drain()
    got = await asyncio.wait_for(stream.readexactly(5), 5)
    stream.close()
    await stream.wait_closed()
    return got, named
"""
)


@pytest.fixture(scope="module")
def pki(tmp_path_factory) -> tuple[Authority, Authority]:
    """Our authority and somebody else's."""
    folder = tmp_path_factory.mktemp("pki")
    return Authority.make(folder / "ours"), Authority.make(folder / "theirs")


@pytest.fixture
def connect(micropython, pki):
    """Connect to a port; what came of it."""

    def run(
        port: int,
        script: str = "print(asyncio.run(connect()))",
        unit: Pair | None = None,
        ca: bytes | None = None,
    ) -> list[str]:
        blobs = {"broker_ca": broker_tls.der(pki[0].certificate) if ca is None else ca}
        if unit:
            blobs |= {"broker_cert": unit.certificate, "broker_key": unit.key}
        framed = {name: frame(value) for name, value in blobs.items()}
        return micropython(f"PORT = {port}\nBLOBS = {framed}\n{SETUP}\n{script}\n").split("\n")[:-1]

    return run


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a free port that does `talk` with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    talk(connection)
                except OSError:
                    pass
                finally:
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@contextmanager
def tls(pair: Pair, folder: Path, clients: Path | None = None, **settings: object) -> Iterator[int]:
    """A TLS server that answers what it is told, backwards by five bytes; `clients`: whose certificates it demands."""
    broker_tls.write_pair(pair, folder / "server.pem", folder / "server-key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
    for name, value in settings.items():
        setattr(context, name, value)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            got = b""
            while len(got) < 6 and (more := secured.recv(6)):
                got += more
            secured.sendall(got[:0:-1])
            secured.recv(1)

    with serving(talk) as port:
        yield port


def test_the_first_byte_goes_ahead_and_the_rest_follows(connect, pki, tmp_path):
    with tls(pki[0].server(["127.0.0.1"]), tmp_path) as port:
        assert connect(port) == ["(b'olleh', False)"]


def test_a_broker_is_known_by_name_too(connect, pki, tmp_path):
    with tls(pki[0].server(["localhost", "broker.home"]), tmp_path) as port:
        assert connect(port, 'print(asyncio.run(connect("mqtts://localhost:%d" % PORT)))') == [
            "(b'olleh', False)"
        ]
        assert connect(port) == ["wrong name (TLS)"]


@pytest.mark.parametrize(
    ("pair", "set_clock", "words"),
    [
        (lambda ours, theirs: theirs.server(["127.0.0.1"]), False, "unknown CA"),
        (lambda ours, theirs: theirs.server(["elsewhere"]), False, "unknown CA"),
        (lambda ours, theirs: ours.server(["elsewhere.example"]), False, "wrong name"),
        (lambda ours, theirs: ours.server(["127.0.0.1"], now=NOW - timedelta(days=800)), False, "expired"),
        (
            lambda ours, theirs: ours.server(["127.0.0.1"], begins=NOW + timedelta(days=9)),
            False,
            "clock unknown",
        ),
        (
            lambda ours, theirs: ours.server(["127.0.0.1"], begins=NOW + timedelta(days=9)),
            True,
            "not yet valid",
        ),
    ],
)
def test_a_certificate_that_will_not_do_is_refused_by_name(connect, pki, tmp_path, pair, set_clock, words):
    with tls(pair(*pki), tmp_path) as port:
        assert connect(port, f"clock.now = {set_clock} or None\nprint(asyncio.run(connect()))") == [
            f"{words} (TLS)"
        ]


def test_a_client_certificate_lets_in_and_another_or_none_does_not(connect, pki, tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_bytes(broker_tls.pem(pki[0].certificate))
    with tls(
        pki[0].server(["127.0.0.1"]), tmp_path, clients=ca, maximum_version=ssl.TLSVersion.TLSv1_2
    ) as port:
        assert connect(port, unit=pki[0].client("unit")) == ["(b'olleh', True)"]
        assert connect(port, unit=pki[1].client("unit")) == ["client certificate refused (TLS)"]
        assert connect(port) == ["client certificate refused (TLS)"]


def test_an_rsa_broker_is_not_talked_to(connect, tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - timedelta(1), NOW + timedelta(9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "both.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    with serving(lambda connection: context.wrap_socket(connection, server_side=True).close()) as port:
        assert connect(port) == ["broker refuses TLS 1.2 with EC (TLS)"]


@pytest.mark.parametrize(
    "talk",
    [
        lambda connection: connection.recv(1),  # closes with more unread: a reset
        lambda connection: connection.recv(9000),
        lambda connection: (connection.recv(9000), connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        lambda connection: (connection.recv(9000), connection.sendall(b"\x20\x02\x00\x05" * 5)),
    ],
)
def test_a_port_without_tls_is_called_so(connect, talk):
    with serving(talk) as port:
        assert connect(port) == ["not TLS"]


def test_a_server_that_speaks_first_is_no_broker(connect):
    hello = lambda connection: (connection.sendall(b"220 mail.example ESMTP\r\n"), connection.recv(9000))  # noqa: E731
    with serving(hello) as port:
        assert connect(port)[0] in ("not TLS", "malformed packet")  # whether it or we were first


def test_a_silent_server_costs_fifteen_seconds_and_no_more(connect):
    def silent(connection: socket.socket) -> None:
        while connection.recv(9000):
            pass

    script = """
started = time.ticks_ms()
print(asyncio.run(connect()), time.ticks_diff(time.ticks_ms(), started) // 1000)
"""
    with serving(silent) as port:
        assert connect(port, script) == ["no answer (TLS) 15"]


def test_nobody_there_is_not_called_tls(connect):
    with serving(lambda connection: None) as port:
        pass
    assert connect(port) == ["broker not reached (111)"]  # Linux's number


def test_while_a_leak_is_suspected_the_handshake_waits(connect, pki, tmp_path):
    script = """
watch.suspected = True
async def body():
    task = asyncio.create_task(connect())
    await asyncio.sleep_ms(3000)
    print(task.done())
    watch.suspected = False
    print(await task)
asyncio.run(body())
"""
    with tls(pki[0].server(["127.0.0.1"]), tmp_path) as port:
        assert connect(port, script) == ["False", "(b'olleh', False)"]


@pytest.mark.parametrize(
    ("blobs", "words"),
    [
        ({}, "no CA set (TLS)"),
        ({"broker_ca": b"NP1xxxxxx"}, "broker_ca bad checksum (TLS)"),
        ({"broker_ca": frame(b"no certificate")}, "CA damaged (TLS)"),
        ({"broker_ca": None, "broker_cert": frame(b"none")}, "certificate or key damaged (TLS)"),
        (
            {"broker_ca": None, "broker_cert": frame(b"none"), "broker_key": b"NP"},
            "broker_key bad mark (TLS)",
        ),
    ],
)
def test_what_nvs_holds_is_checked_before_anybody_is_spoken_to(connect, blobs, words):
    kept = [name for name, value in blobs.items() if value is None]
    script = f"""
BLOBS = dict([(name, BLOBS[name]) for name in {kept}], **{ {n: v for n, v in blobs.items() if v is not None} })
print(asyncio.run(connect()))
"""
    assert connect(1, script) == [words]


def test_no_memory_is_called_so(connect, pki, tmp_path):
    # What the port raises where a part of mbedTLS finds none: ENOMEM, MPI, ECP and X.509 with a part's number on top.
    script = """
from firmware.uplink import tls
for number in (12, 16, -0x7F00, -0x4D80, -0x2880 - 0x10):
    print(tls._why(OSError(number), [], clock))
print(tls._why(MemoryError(), [], clock))
"""
    assert connect(1, script) == ["no memory"] * 6


def test_a_connection_that_fails_leaves_no_socket_behind(connect, pki, tmp_path):
    script = """
import gc
for _ in range(60):
    said = asyncio.run(connect())
print(said)
"""
    with tls(pki[1].server(["127.0.0.1"]), tmp_path) as port:
        assert connect(port, script) == ["unknown CA (TLS)"]


def test_too_little_memory_is_the_reason_told_and_nobody_is_spoken_to(connect):
    """mbedTLS would stop at any point, and call an authority unknown for want of the memory to check it."""
    met: list[object] = []
    with serving(met.append) as port:
        assert connect(port, "MEMORY = lambda: 20000\nprint(asyncio.run(connect()))") == ["no memory (TLS)"]
    assert met == []
