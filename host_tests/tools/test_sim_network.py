"""Wi-Fi and sockets of the virtual board: ESP32's status codes, lwIP's errors, and what a lost link does to connections."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.tools.sim_board import printed, running
from nameplate.sim.board import VirtualBoard

JOIN = """
import machine, network, socket, time, select
wlan = network.WLAN(network.STA_IF)
wlan.active(True)
wlan.config(reconnects=0)
wlan.connect("kitchen", "secret")
start = time.ticks_ms()
while wlan.status() == network.STAT_CONNECTING: time.sleep_ms(20)
print(wlan.status(), time.ticks_diff(time.ticks_ms(), start) // 100, wlan.ifconfig()[0])
"""


def lines(board: VirtualBoard, count: int, timeout_ms: int = 200_000) -> list[str]:
    assert board.wait(lambda board: len(printed(board)) >= count, timeout_ms), board.transcript
    return printed(board)[:count]


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """A TCP server on loopback that gives back what it gets, until it gets `bye`."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            while data := line.recv(4096):
                line.sendall(data)
                if data == b"bye":
                    return

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = server.accept()
                threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        ({}, "1010 16 192.168.4.23"),
        ({"ssid": "kitchen", "psk": "secret"}, "1010 16 192.168.4.23"),
        ({"wifi": "gone"}, "201 24 0.0.0.0"),
        ({"ssid": "elsewhere"}, "201 24 0.0.0.0"),
        ({"wifi": "wrong_password"}, "202 32 0.0.0.0"),
        ({"psk": "other"}, "202 32 0.0.0.0"),
    ],
)
def test_joining_ends_in_the_ports_status(tmp_path: Path, world: dict[str, object], expected: str) -> None:
    with running(tmp_path, JOIN, world=world) as board:
        assert lines(board, 1) == [expected]


def test_the_station_as_the_port_has_it(tmp_path: Path) -> None:
    main = """
import network, time
wlan = network.WLAN()
for attempt in (lambda: wlan.connect("a", "b"), lambda: wlan.disconnect(), lambda: network.WLAN(network.AP_IF),
        lambda: wlan.status("rssi"), lambda: wlan.config("nonsense"), lambda: wlan.config(nonsense=1)):
    try: print("got", attempt())
    except (OSError, ValueError, NotImplementedError) as error: print(error)
print(wlan.active(), wlan.status(), wlan.isconnected())
wlan.active(True)
wlan.connect("kitchen", "secret")
print(wlan.status())
try: wlan.connect("kitchen", "secret")
except OSError as error: print(error)
time.sleep(2)
print(wlan.status(), wlan.status("rssi"), wlan.config("mac"), [found[0] for found in wlan.scan()])
wlan.disconnect()
print(wlan.status(), wlan.isconnected())
"""
    with running(tmp_path, main, seed=7) as board:
        assert lines(board, 11) == [
            "Wifi Not Started",
            "Wifi Not Started",
            "the virtual board's radio is a station only",
            "Wifi Not Connected",
            "unknown config param",
            "unknown config param",
            "False 1000 False",
            "1001",
            "Wifi Internal Error",
            "1010 -58 b'$o(\\x00\\x00\\x07' [b'kitchen']",
            "1000 False",
        ]


def test_retries_go_on_for_ever_unless_told_otherwise(tmp_path: Path) -> None:
    main = JOIN.replace("reconnects=0", "reconnects=-1").replace(
        "while wlan.status() == network.STAT_CONNECTING: time.sleep_ms(20)", "time.sleep(60)"
    )
    with running(tmp_path, main, world={"wifi": "gone"}) as board:
        board.at(30_000, "wifi", "up")
        assert lines(board, 1)[0].startswith("1010")


def test_a_lost_access_point_is_noticed_by_its_missing_beacons(tmp_path: Path) -> None:
    main = JOIN + "while True:\n print(time.ticks_ms() // 1000, wlan.status())\n time.sleep(1)\n"
    with running(tmp_path, main) as board:
        board.at(5_000, "wifi", "gone")
        found = lines(board, 14)[1:]
        states = [line.split()[1] for line in found]
        assert states[0] == "1010"
        assert states[-1] == "200"
        gone = next(int(line.split()[0]) for line in found if line.endswith("200"))
        assert 10 <= gone <= 12


def test_a_connection_carries_both_ways_and_ends(tmp_path: Path) -> None:
    with echo() as port:
        main = (
            JOIN
            + f"""
s = socket.socket()
try: s.recv(1)
except OSError as error: print(error.args[0])
s.connect(socket.getaddrinfo("127.0.0.1", {port})[0][-1])
s.send(b"hello")
print(s.recv(100))
s.write(b"line\\nrest", 6)
print(s.readline(), s.read(1))
s.setblocking(False)
try: s.recv(1)
except OSError as error: print(error.args[0])
print(s.read(1), s.readline())
s.setblocking(True)
s.sendall(b"bye")
print(s.recv(3), s.recv(3), s.recv(3))
s.close()
"""
        )
        with running(tmp_path, main) as board:
            assert lines(board, 7)[1:] == [
                "128",
                "b'hello'",
                "b'line\\n' b'r'",
                "11",
                "None None",
                "b'bye' b'' b''",
            ]


def test_asyncio_streams_and_a_deadline(tmp_path: Path) -> None:
    with echo() as port:
        main = (
            JOIN
            + f"""
import asyncio
async def main():
    reader, writer = await asyncio.open_connection("127.0.0.1", {port})
    writer.write(b"over asyncio\\n")
    await writer.drain()
    print(await reader.readline())
    start = time.ticks_ms()
    try: await asyncio.wait_for(reader.read(1), 5)
    except asyncio.TimeoutError: print("late", time.ticks_diff(time.ticks_ms(), start))
asyncio.run(main())
"""
        )
        with running(tmp_path, main) as board:
            assert lines(board, 3)[1:] == ["b'over asyncio\\n'", "late 5000"]


def test_without_a_link_nothing_connects(tmp_path: Path) -> None:
    main = """
import network, socket
for attempt in (
    lambda: socket.socket().connect(("127.0.0.1", 1)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 1)),
    lambda: socket.getaddrinfo("example.com", 1),
):
    try: print("got", attempt())
    except OSError as error: print(error.args[0])
print(socket.getaddrinfo("10.0.0.1", 5))
"""
    with running(tmp_path, main) as board:
        assert lines(board, 4) == ["118", "118", "-202", "[(2, 1, 0, '', ('10.0.0.1', 5))]"]


def test_a_refusal_is_a_reset_and_silence_a_timeout(tmp_path: Path) -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    main = (
        JOIN
        + f"""
for wait in (None, 2, 0):
    s = socket.socket()
    s.settimeout(wait)
    start = time.ticks_ms()
    try: s.connect(("127.0.0.1", {port}))
    except OSError as error: print(wait, error.args[0], time.ticks_diff(time.ticks_ms(), start) // 1000)
    if wait == 0:
        poller = select.poll()
        poller.register(s, select.POLLOUT)
        poller.poll(200000)
        try: s.send(b"x")
        except OSError as error: print(error.args[0])
    s.close()
"""
    )
    with running(tmp_path, main) as board:
        assert lines(board, 5)[1:] == ["None 104 0", "2 104 0", "0 119 0", "104"]
    with running(tmp_path, main, world={"broker": "refused"}) as board:
        assert lines(board, 4)[1:] == ["None 104 0", "2 104 0", "0 104 0"]
    with running(tmp_path, main, world={"broker": "silent"}) as board:
        assert lines(board, 5)[1:] == ["None 116 75", "2 116 2", "0 119 0", "116"]


def test_a_lost_link_silences_a_connection_which_goes_on_when_it_is_back(tmp_path: Path) -> None:
    with echo() as port:
        main = (
            JOIN.replace("reconnects=0", "reconnects=-1")
            + f"""
s = socket.socket()
s.connect(("127.0.0.1", {port}))
time.sleep(3)
print(s.send(b"into the void"))
s.settimeout(10)
try: s.recv(100)
except OSError as error: print(error.args[0])
s.settimeout(60)
print(s.recv(100))
"""
        )
        with running(tmp_path, main) as board:
            board.at(3_000, "wifi", "gone")
            board.at(20_000, "wifi", "up")
            assert lines(board, 4)[1:] == ["13", "116", "b'into the void'"]


def test_a_long_loss_kills_the_connection(tmp_path: Path) -> None:
    with echo() as port:
        main = (
            JOIN.replace("reconnects=0", "reconnects=-1")
            + f"""
s = socket.socket()
s.connect(("127.0.0.1", {port}))
try: s.recv(100)
except OSError as error: print(error.args[0], time.ticks_ms() // 1000)
"""
        )
        with running(tmp_path, main) as board:
            board.at(3_000, "wifi", "gone")
            number, second = lines(board, 2)[1].split()
            assert number == "113"
            assert 125 <= int(second) <= 135


def test_a_silent_connection_takes_only_what_lwip_would_hold(tmp_path: Path) -> None:
    with echo() as port:
        main = (
            JOIN
            + f"""
s = socket.socket()
s.connect(("127.0.0.1", {port}))
time.sleep(5)
s.setblocking(False)
taken = 0
try:
    while True: taken += s.send(b"x" * 1000)
except OSError as error: print(taken, error.args[0])
"""
        )
        with running(tmp_path, main) as board:
            board.at(3_000, "broker", "silent")
            assert lines(board, 2)[1] == "5760 11"


def test_a_hanging_name_server_holds_everything_for_15_seconds(tmp_path: Path) -> None:
    main = (
        JOIN
        + """
seen = []
machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP).irq(lambda pin: seen.append(time.ticks_ms()))
start = time.ticks_ms()
try: socket.getaddrinfo("example.com", 80)
except OSError as error: print(error.args[0], time.ticks_diff(time.ticks_ms(), start) // 1000)
time.sleep_ms(1)
print(seen[0] - start > 14900)
print(socket.getaddrinfo("localhost", 80)[0][-1])
"""
    )
    with running(tmp_path, main, world={"dns": "hang"}) as board:
        board.at(5_000, "button", "pressed")
        board.at(10_000, "dns", "ok")
        assert lines(board, 4)[1:] == ["-202 15", "True", "('192.168.4.2', 80)"]


UDP = (
    JOIN
    + """
def ask(address, data):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.sendto(data, address)
    try: return s.recvfrom(512)
    except OSError as error: return error.args[0]
    finally: s.close()
"""
)


def test_time_servers_tell_the_worlds_clock(tmp_path: Path) -> None:
    main = (
        UDP
        + """
answer, sender = ask(("17.0.0.1", 123), b"\\x1b" + bytes(47))
print(int.from_bytes(answer[40:44], "big") - 2208988800, sender)
time.sleep(10)
print(ask(("17.0.0.1", 123), b"\\x1b" + bytes(47)))
"""
    )
    with running(tmp_path, main, world={"clock": "2026-11-24T09:00:00"}) as board:
        board.at(5_000, "clock", "none")
        told, nothing = lines(board, 3)[1:]
        seconds, sender = told.split(" ", 1)
        assert 1795510800 <= int(seconds) <= 1795510803
        assert (sender, nothing) == ("('17.0.0.1', 123)", "116")


def test_the_name_server_at_the_gateway(tmp_path: Path) -> None:
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01"
    main = (
        UDP
        + f"""
for i in range(3):
    found = ask((wlan.ifconfig()[3], 53), {query!r})
    print(found[0][3] & 15, found[0][-4:] if len(found[0]) > {len(query)} else None) if type(found) is tuple else print(found)
    time.sleep(5)
"""
    )
    with running(tmp_path, main) as board:
        board.at(4_000, "dns", "fail")
        board.at(9_000, "dns", "hang")
        assert lines(board, 4)[1:] == ["0 b'\\xc0\\xa8\\x04\\x02'", "2 None", "116"]


def test_a_name_server_that_lies_refuses_or_knows_names_of_the_world(tmp_path: Path) -> None:
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06broker\x04home\x00\x00\x01\x00\x01"
    main = (
        UDP
        + f"""
query = {query!r}
for asked in (query, query.replace(b"broker", b"source")):
    found = ask((wlan.ifconfig()[3], 53), asked)[0]
    print(found[3] & 15, found[-4:])
time.sleep(10)
print(ask((wlan.ifconfig()[3], 53), query)[0][3] & 15)
time.sleep(5)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.sendto(query, (wlan.ifconfig()[3], 53))
print([len(s.recvfrom(512)[0]) for i in range(4)])
"""
    )
    with running(tmp_path, main, world={"names": "broker.home, source.home=10.1.2.3"}) as board:
        board.at(7_000, "dns", "refuse")
        board.at(14_000, "dns", "wrong")
        assert lines(board, 5)[1:] == [
            "0 b'\\xc0\\xa8\\x04\\x02'",
            "0 b'\\n\\x01\\x02\\x03'",
            "5",
            "[45, 45, 26, 43]",
        ]


@pytest.mark.parametrize(
    ("ntp", "told"),
    [
        ("ok", "[(36, 2, 1795510801), (36, 2, 1795510801)]"),
        ("disagree", "[(36, 2, 1795510801), (36, 2, 1795510861)]"),
        ("lies", "[(36, 2, 978307200), (36, 2, 978307200)]"),
        ("kod", "[(228, 0, b'RATE'), (228, 0, b'RATE')]"),
        ("dead", "[116, 116]"),
    ],
)
def test_time_servers_that_fail_or_lie(tmp_path: Path, ntp: str, told: str) -> None:
    main = (
        UDP
        + """
def time_of(last):
    found = ask(("198.51.100.%d" % last, 123), b"\\x23" + bytes(47))
    if type(found) is int:
        return found
    data = found[0]
    return data[0], data[1], int.from_bytes(data[40:44], "big") - 2208988800 if data[1] else data[12:16]
print([time_of(10), time_of(11)])
"""
    )
    with running(tmp_path, main, world={"clock": "2026-11-24T09:00:00", "ntp": ntp}) as board:
        assert lines(board, 2)[1] == told


def test_at_another_pace_than_the_real_time_servers_need_to_be_given_a_time(tmp_path: Path) -> None:
    main = UDP + 'print(ask(("198.51.100.10", 123), b"\\x23" + bytes(47)))\n'
    with running(tmp_path, main) as board:
        assert lines(board, 2)[1] == "116"
    with running(tmp_path, main, speed=1.0) as board:
        assert "198.51.100.10" in lines(board, 2, 20_000)[1]


def test_a_black_hole_swallows_new_connections_and_leaves_names_alone(tmp_path: Path) -> None:
    main = (
        UDP
        + """
print(ask(("198.51.100.10", 123), b"\\x23" + bytes(47))[1])
s = socket.socket()
s.settimeout(9)
start = time.ticks_ms()
try: s.connect(("192.0.2.7", 1883))
except OSError as error: print(error.args[0], time.ticks_diff(time.ticks_ms(), start) // 1000)
"""
    )
    with running(tmp_path, main, world={"broker": "black_hole", "clock": "1795510800"}) as board:
        assert lines(board, 3)[1:] == ["('198.51.100.10', 123)", "116 9"]


def test_a_select_over_many(tmp_path: Path) -> None:
    with echo() as port:
        main = (
            JOIN
            + f"""
a, b = socket.socket(), socket.socket()
for s in (a, b): s.connect(("127.0.0.1", {port}))
b.send(b"x")
readable, writable, _ = select.select([a, b], [a], [], 1)
readable, writable, _ = select.select([a, b], [], [], 1)
print(readable == [b], select.select([a], [], [], 1))
"""
        )
        with running(tmp_path, main) as board:
            assert lines(board, 2)[1] == "True ([], [], [])"


def test_umqtt_speaks_over_the_sockets(tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def packet(line: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += line.recv(size - len(data))
        return data

    def broker() -> None:
        line, _ = server.accept()
        with line:
            got.append(packet(line, 16))
            line.sendall(b"\x20\x02\x00\x00")
            got.append(packet(line, 14))

    thread = threading.Thread(target=broker, daemon=True)
    thread.start()
    main = (
        JOIN
        + f"""
from umqtt.simple import MQTTClient
client = MQTTClient(b"me", "127.0.0.1", {server.getsockname()[1]})
print(client.connect())
client.publish(b"topic", b"words")
print("sent")
"""
    )
    with running(tmp_path, main) as board:
        assert lines(board, 3)[1:] == ["0", "sent"]
    thread.join(5)
    server.close()
    assert got[0] == b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02me"
    assert got[1] == b"\x30\x0c\x00\x05topicwords"
