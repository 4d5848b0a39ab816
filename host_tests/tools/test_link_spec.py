"""scheme:target strings, and what people type instead of them."""

import os

import pytest

from nameplate.errors import USAGE, NameplateError
from nameplate.link.spec import Spec, parse


@pytest.mark.parametrize(
    ("text", "scheme", "target"),
    [
        ("serial:/dev/ttyUSB0", "serial", "/dev/ttyUSB0"),
        ("serial:COM3", "serial", "COM3"),
        ("COM3", "serial", "COM3"),
        ("/dev/ttyUSB0", "serial", "/dev/ttyUSB0"),
        ("/dev/ttyACM12", "serial", "/dev/ttyACM12"),
        ("pty:/dev/pts/7", "pty", "/dev/pts/7"),
        ("tcp:127.0.0.1:7000", "tcp", "127.0.0.1:7000"),
        ("tcp:bench.example:7000", "tcp", "bench.example:7000"),
        ("tcp:[::1]:7000", "tcp", "[::1]:7000"),
    ],
)
def test_a_spec_names_its_carrier(text, scheme, target):
    assert parse(text) == Spec(scheme, target)


def test_a_bare_pseudo_terminal_is_known_by_its_path_also_through_a_link(tmp_path):
    board, host = os.openpty()
    try:
        name = os.ttyname(host)
        link = tmp_path / "np-7"
        link.symlink_to(name)
        assert parse(name) == Spec("pty", name)
        assert parse(str(link)) == Spec("pty", str(link))
    finally:
        os.close(board)
        os.close(host)


def test_a_spec_prints_as_it_is_typed():
    assert str(parse("tcp:127.0.0.1:7000")) == "tcp:127.0.0.1:7000"


def test_a_tcp_spec_gives_host_and_port():
    assert parse("tcp:[::1]:7000").address == ("::1", 7000)
    assert parse("tcp:localhost:7000").address == ("localhost", 7000)


@pytest.mark.parametrize(
    "text",
    ["", "ttyUSB0", "usb:/dev/x", "serial:", "pty:", "tcp:", "tcp:localhost", "tcp::7000", "tcp:localhost:0",
     "tcp:localhost:65536", "tcp:localhost:x", "tcp:::1:7000", "tcp:localhost:٧"],
)  # fmt: skip
def test_what_names_no_port_is_wrong_usage_and_says_what_to_type(text):
    with pytest.raises(NameplateError) as caught:
        parse(text)
    assert caught.value.exit_code == USAGE
    assert caught.value.hint
