"""Carriers: lines out of bytes, what goes wrong when opening, what happens when the far end goes away."""

import errno
import os
import socket
import stat
import struct
import termios
import threading
import time

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from host_tests.tools.scripted_board import ScriptedBoard
from nameplate.errors import NOT_REACHED, USAGE
from nameplate.link import open_link
from nameplate.link.base import (
    Lines,
    LinkError,
    LinkLost,
    LinkTimeout,
    NoSuchPort,
    PortBusy,
    PortDenied,
    Refused,
    open_error,
)
from nameplate.link.spec import Spec
from nameplate.text import clean_line


def soon(seconds=5.0):
    return time.monotonic() + seconds


def echo(line):
    return b"heard " + line + b"\r\n"


@pytest.fixture(params=["pty", "serial", "tcp"])
def far_end(request):
    """(spec, far) for each carrier; far has send(bytes) and unplug(). Serial is pyserial on a pseudo-terminal."""
    if request.param == "tcp":
        with TcpBoard() as board:
            yield board.spec, board
    else:
        with ScriptedBoard(echo) as board:
            yield f"{request.param}:{board.path}", board


class TcpBoard:
    """The same far end behind a socket."""

    def __enter__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.spec = f"tcp:127.0.0.1:{self._server.getsockname()[1]}"
        self._ready = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.unplug()
        self._server.close()

    def _run(self):
        try:
            self._connection, _ = self._server.accept()
        except OSError:  # closed before anybody came
            return
        self._ready.set()
        with self._connection.makefile("rb") as lines:
            for line in lines:
                if line.strip():
                    self._connection.sendall(echo(line.strip()))

    def send(self, data):
        assert self._ready.wait(5)
        self._connection.sendall(data)

    def unplug(self):
        if self._ready.is_set():
            try:
                self._connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_a_line_goes_out_and_its_answer_comes_back(far_end):
    spec, _ = far_end
    link = open_link(spec)
    try:
        link.write(b"hello\n")
        assert link.read_line(soon()) == b"heard hello"
        assert str(link.spec) == spec
    finally:
        link.close()


def test_no_line_before_the_deadline_is_a_timeout_and_what_came_is_kept(far_end):
    spec, far = far_end
    link = open_link(spec)
    try:
        far.send(b"half a li")
        with pytest.raises(LinkTimeout):
            link.read_line(soon(0.3))
        assert link.partial == b"half a li"
        far.send(b"ne\n")
        assert link.read_line(soon()) == b"half a line"
    finally:
        link.close()


def test_a_far_end_that_goes_away_is_told_as_lost(far_end):
    spec, far = far_end
    link = open_link(spec)
    try:
        link.write(b"hello\n")
        link.read_line(soon())
        far.unplug()
        with pytest.raises(LinkLost) as caught:
            link.read_line(soon())
        assert caught.value.exit_code == NOT_REACHED
        assert spec in caught.value.message
    finally:
        link.close()


def test_closing_twice_is_fine_and_a_closed_line_is_lost(far_end):
    link = open_link(far_end[0])
    link.close()
    link.close()
    with pytest.raises(LinkLost):
        link.write(b"x\n")
    with pytest.raises(LinkLost):
        link.read_line(soon())


@pytest.mark.parametrize("scheme", ["pty", "serial"])
def test_a_port_that_another_program_holds_is_busy(scheme):
    with ScriptedBoard(echo) as board:
        first = open_link(f"{scheme}:{board.path}")
        try:
            with pytest.raises(PortBusy) as caught:
                open_link(f"{scheme}:{board.path}")
            assert "fuser" in caught.value.hint
        finally:
            first.close()
        open_link(f"{scheme}:{board.path}").close()


@pytest.mark.parametrize("scheme", ["pty", "serial"])
def test_a_port_that_is_not_there(scheme):
    with pytest.raises(NoSuchPort) as caught:
        open_link(f"{scheme}:/dev/no-such-port")
    assert caught.value.exit_code == NOT_REACHED
    assert "nameplate find" in caught.value.hint


@pytest.mark.parametrize("scheme", ["pty", "serial"])
def test_a_file_is_not_a_port(scheme, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    with pytest.raises(LinkError) as caught:
        open_link(f"{scheme}:{path}")
    assert caught.value.exit_code == USAGE


def test_a_port_this_user_may_not_open_says_which_group_to_join(monkeypatch):
    monkeypatch.setattr(os, "stat", lambda path: os.stat_result((stat.S_IFCHR, 0, 0, 1, 0, 0, 0, 0, 0, 0)))
    error = open_error(Spec("serial", "/dev/ttyUSB0"), OSError(errno.EACCES, "Permission denied"))
    assert isinstance(error, PortDenied)
    assert error.hint == "sudo usermod -aG dialout $USER, then log in again"


@pytest.mark.parametrize("scheme", ["pty", "serial"])
def test_permission_denied_for_real(scheme, tmp_path):
    path = tmp_path / "port"
    path.write_bytes(b"")
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:  # root may open everything, so be nobody meanwhile
        os.seteuid(65534)
    try:
        with pytest.raises(PortDenied):
            open_link(f"{scheme}:{path}")
    finally:
        if is_root:
            os.seteuid(0)


def test_a_speed_the_port_cannot_do_is_wrong_usage():
    with ScriptedBoard(echo) as board, pytest.raises(LinkError) as caught:
        open_link(f"serial:{board.path}", baud=-1)
    assert caught.value.exit_code == USAGE


def test_a_connection_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Refused) as caught:
        open_link(f"tcp:127.0.0.1:{port}")
    assert caught.value.exit_code == NOT_REACHED


def test_dtr_and_rts_are_lowered_in_one_call_before_anything_is_sent(monkeypatch):
    """In two calls, DTR first, an ESP32 would be reset in between; in one it is not."""
    import nameplate.link.serial as carrier

    calls = []
    real = carrier.fcntl.ioctl

    def ioctl(descriptor, request, *arguments):
        if request in (termios.TIOCMBIC, termios.TIOCMBIS):
            calls.append((request, struct.unpack("I", arguments[0])[0]))
        return real(descriptor, request, *arguments)

    monkeypatch.setattr(carrier.fcntl, "ioctl", ioctl)
    with ScriptedBoard(echo) as board:
        link = open_link(f"serial:{board.path}")
        link.close()
    assert calls[0] == (termios.TIOCMBIC, termios.TIOCM_DTR | termios.TIOCM_RTS)
    assert all(request == termios.TIOCMBIC for request, _ in calls)


def test_a_serial_port_asks_for_both_lines_inactive_before_it_opens(monkeypatch):
    import nameplate.link.serial as carrier

    seen = []
    monkeypatch.setattr(
        carrier._Port, "open", lambda self: seen.append((self.dtr, self.rts, self.exclusive, self.baudrate))
    )
    open_link("serial:/dev/ttyUSB9")
    assert seen == [(False, False, True, 115200)]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO])
def test_a_serial_port_pulled_while_reading_is_lost(monkeypatch, number):
    with ScriptedBoard(echo) as board:
        link = open_link(f"serial:{board.path}")

        def read(self, size=1):
            raise serial.SerialException(number, "read failed")

        monkeypatch.setattr(serial.Serial, "read", read)
        with pytest.raises(LinkLost):
            link.read_line(soon())
        monkeypatch.undo()
        link.close()


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_lines_do_not_depend_on_how_the_bytes_were_cut(pieces):
    whole = Lines()
    whole.feed(b"".join(pieces) + b"\n")
    cut = Lines()
    for piece in pieces:
        cut.feed(piece)
    cut.feed(b"\n")

    def drain(lines):
        return list(iter(lines.next, None))

    expected = [line for line in b"".join(pieces).replace(b"\r", b"\n").split(b"\n") if line]
    assert drain(whole) == drain(cut) == expected


def test_a_line_that_never_ends_takes_no_memory_and_the_next_one_is_whole():
    lines = Lines(limit=100)
    for _ in range(1000):
        lines.feed(b"x" * 50)
        assert len(lines.partial) <= 100
    lines.feed(b"\nnext\n")
    assert lines.next() == b"next"
    assert lines.next() is None
    assert lines.overlong == 1
    assert lines.received == 50_006


def test_the_longest_line_is_let_through_and_one_byte_more_is_not():
    lines = Lines(limit=100)
    lines.feed(b"x" * 100 + b"\n" + b"y" * 101 + b"\n")
    assert lines.next() == b"x" * 100
    assert lines.next() is None


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"fridge 4.8 C ok", "fridge 4.8 C ok"),
        (b"\x1b[2J\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;new title\x07after", "after"),
        (b"\x1b]0;never ended", ""),
        (b"a\x00b\x08c\x7fd", "abcd"),
        (b"tab\there", "tab here"),
        (b"K\xc3\xbchlschrank", "Kühlschrank"),
        (b"half \xc3", "half �"),
        ("bidi \u202eevil\u202c\u200b".encode(), "bidi evil"),
        ("c1 \x9b31m".encode(), "c1 31m"),
        ("line\u2028separator".encode(), "lineseparator"),
    ],
)
def test_what_a_board_says_cannot_steer_the_terminal(data, shown):
    assert clean_line(data) == shown


@given(st.binary(max_size=200))
def test_no_bytes_at_all_can_steer_the_terminal(data):
    assert all(character.isprintable() for character in clean_line(data))


def test_a_long_line_is_cut_where_it_is_shown():
    assert clean_line(b"x" * 100, 10) == "x" * 9 + "…"
