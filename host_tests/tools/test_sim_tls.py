"""TLS on the virtual board: the chip's mbedTLS over the board's sockets, its clock, and a handshake that holds the program."""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from host_tests.tools.sim_board import running
from host_tests.tools.test_sim_network import JOIN, lines
from nameplate.factory.broker_tls import Authority, der, write_pair
from nameplate.sim.launch import slots

TLS = """
import tls, asyncio
machine.RTC().datetime((2026, 6, 1, 0, 0, 0, 0, 0))
CA = %r
def context():
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(CA)
    return made
async def shake(port, name="127.0.0.1", ticks=()):
    stream, _ = await asyncio.open_connection("127.0.0.1", port)
    secured = context().wrap_socket(stream.s, server_hostname=name, do_handshake_on_connect=False)
    stream = asyncio.StreamWriter(secured)
    stream.out_buf = b"hello"
    await asyncio.wait_for(stream.drain(), 20)
    return stream
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("pki") / "ca")


@contextlib.contextmanager
def echo(authority: Authority, folder: Path, **given: object) -> Iterator[int]:
    """A TLS server on loopback that gives back what it gets."""
    write_pair(authority.server(["127.0.0.1"], **given), folder / "server.pem", folder / "server-key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            while data := secured.recv(4096):
                secured.sendall(data)

    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def on_board(authority: Authority, program: str) -> str:
    return JOIN + TLS % der(authority.certificate) + program


def test_tls_carries_bytes_both_ways_and_waits_as_asyncio_does(tmp_path, authority):
    program = """
async def main():
    stream = await shake(PORT)
    print(await stream.readexactly(5), tls.MBEDTLS_VERSION)
    size = 0
    for _ in range(5):  # more than the peer's answer to one write would have to come in time
        stream.write(b"x" * 4000)
        await stream.drain()
        size += len(await stream.readexactly(4000))
    print(size)
    try: await asyncio.wait_for(stream.read(1), 30)
    except asyncio.TimeoutError: print("nothing for", 30)
    stream.close()
    await stream.wait_closed()
asyncio.run(main())
"""
    with echo(authority, tmp_path) as port:
        with running(tmp_path, on_board(authority, f"PORT = {port}\n" + program)) as board:
            found = lines(board, 4)[1:]
    assert found[0].startswith("b'hello' Mbed TLS 3.")
    assert found[1:] == ["20000", "nothing for 30"]


@pytest.mark.parametrize("world", [{}, {"tls_ms": "300"}])
def test_a_handshake_holds_the_program_for_a_second(tmp_path, authority, world):
    program = """
async def main():
    longest = [0, time.ticks_ms()]
    async def tick():
        while True:
            await asyncio.sleep_ms(5)
            now = time.ticks_ms()
            longest[0] = max(longest[0], time.ticks_diff(now, longest[1]))
            longest[1] = now
    task = asyncio.create_task(tick())
    await shake(PORT)
    print(longest[0])
    await asyncio.sleep_ms(100)
asyncio.run(main())
"""
    with echo(authority, tmp_path) as port:
        with running(tmp_path, on_board(authority, f"PORT = {port}\n" + program), world=world) as board:
            held = int(lines(board, 2)[1])
    expected = int(world.get("tls_ms", 1000))
    assert expected <= held <= expected + 20


@pytest.mark.parametrize("named", [None, ""])  # make hands on an empty variable
def test_tls_judges_dates_by_the_boards_clock(tmp_path, authority, monkeypatch, named):
    if named is None:
        monkeypatch.delenv("NAMEPLATE_MICROPYTHON", raising=False)
    else:
        monkeypatch.setenv("NAMEPLATE_MICROPYTHON", named)
    # Valid from 2030 to 2032: far from this machine's time on either side.
    given = {"begins": datetime(2030, 1, 1, tzinfo=UTC), "now": datetime(2030, 1, 1, tzinfo=UTC)}
    program = """
async def main():
    for year in (2000, 2029, 2031, 2033):
        machine.RTC().datetime((year, 6, 1, 0, 0, 0, 0, 0))
        try: print(year, await (await shake(PORT)).readexactly(5))
        except ValueError as error: print(year, str(error).strip())
asyncio.run(main())
"""
    with echo(authority, tmp_path, **given) as port:
        with running(tmp_path, on_board(authority, f"PORT = {port}\n" + program)) as board:
            found = lines(board, 5)[1:]
    assert found == [
        "2000 The certificate validity starts in the future",
        "2029 The certificate validity starts in the future",
        "2031 b'hello'",
        # mbedTLS names one of the authority's and the certificate's faults a line each, the same once.
        "2033 The certificate validity has expired",
    ]


def test_a_connection_under_tls_that_breaks_gives_lwips_number(tmp_path, authority):
    program = """
async def main():
    stream = await shake(PORT)
    print(await stream.readexactly(5))
    wlan.active(False)
    try: stream.write(b"x"); print(await stream.readexactly(1))
    except OSError as error: print("number", abs(error.args[0]))
asyncio.run(main())
"""
    with echo(authority, tmp_path) as port:
        with running(tmp_path, on_board(authority, f"PORT = {port}\n" + program)) as board:
            assert lines(board, 3, 400_000)[2] == "number 113"


def test_what_is_no_elf_file_has_no_calls_to_lead_elsewhere():
    assert slots(b"#!/bin/sh\n" + bytes(100), b"time") == []
    assert slots(Path(sys.executable).resolve().read_bytes(), b"no_such_function_anywhere") == []


def test_the_starter_runs_the_wheel_and_tells_where_the_time_is_looked_for(tmp_path):
    from nameplate.sim import launch

    script = tmp_path / "script.py"
    script.write_text("import sys\nprint(sys.argv[1:])\n")
    done = subprocess.run(
        [sys.executable, launch.__file__, str(script), "one"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    words = done.stdout.strip()
    assert words.startswith("['one', '") and int(words.split("'")[3]) > 0
