"""MQTT packets made and read by umqtt over memory: right to the byte, and nothing odd gets through."""

import struct

import pytest

from host_tests.firmware.scripted_broker import message

SETUP = """
sys.path.append({umqtt!r})
from lib.mqtt_memory import Codec, MqttError
codec = Codec(b"unit", b"user", b"secret", 60)
"""


@pytest.fixture
def codec(micropython, umqtt):
    return lambda script: micropython(SETUP.format(umqtt=str(umqtt)) + script).split("\n")[:-1]


def text(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def packet(first: int, rest: bytes) -> bytes:
    head, length = bytes([first]), len(rest)
    while length > 127:
        head += bytes([length & 127 | 128])
        length >>= 7
    return head + bytes([length]) + rest


@pytest.mark.parametrize("will", [b"w", b"w" * 400])
def test_connect_is_clean_with_a_retained_will_at_qos_1(codec, will):
    (out,) = codec(f"print(codec.connect(b'topic', {will!r}).hex())")
    flags = (
        0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02
    )  # user, password, will retained, will QoS 1, will, clean session
    rest = text(b"MQTT") + bytes([4, flags]) + struct.pack(">H", 60)
    rest += text(b"unit") + text(b"topic") + text(will) + text(b"user") + text(b"secret")
    assert bytes.fromhex(out) == packet(0x10, rest)


def test_publish_is_at_qos_1_with_the_number_it_was_given(codec):
    cases = [
        (number, payload) for number in (1, 2, 255, 256, 65535) for payload in (b"", b"x", b"\x00\xff" * 350)
    ]
    out = codec(f"""
for number, payload in {cases!r}:
    print(codec.publish(b"a/b", payload, number).hex())
    print(codec.publish(b"a/b", payload, number, True).hex())
    print(codec.publish(b"a/b", payload, number, False, True).hex())
""")
    for number, payload in cases:
        rest = text(b"a/b") + struct.pack(">H", number) + payload
        plain, retained, again = [bytes.fromhex(out.pop(0)) for _ in range(3)]
        assert plain == packet(0x32, rest)
        assert retained == packet(0x33, rest)
        assert again == packet(0x3A, rest)


def test_subscribe_ping_disconnect(codec):
    out = codec("""
print(codec.subscribe(b"nameplate/1/32473/AQIDBAUGBwgJCgsMDQ4PEBE/cmd", 65535).hex())
print(codec.ping().hex(), codec.disconnect().hex())
""")
    topic = b"nameplate/1/32473/AQIDBAUGBwgJCgsMDQ4PEBE/cmd"
    assert bytes.fromhex(out[0]) == packet(0x82, struct.pack(">H", 65535) + text(topic) + b"\0")
    assert out[1] == "c000 e000"


def test_answers_and_messages_are_read(codec):
    long = message(b"t", b"p" * 200)
    out = codec(f"""
for packet, body in (
    (b"\\x20\\x02\\x00\\x05", 2), (b"\\x40\\x02\\x12\\x34", 2), (b"\\x90\\x03\\x00\\x07\\x80", 2), (b"\\xd0\\x00", 2),
    ({message(b"t/u", b"hello")!r}, 2), ({message(b"t/u", b"")!r}, 2), ({long!r}, 3), (b"\\x31" + {message(b"t", b"r")!r}[1:], 2),
):
    print(codec.decode(packet, body))
""")
    assert out == [
        "(32, 5)",
        "(64, 4660)",
        "(144, 7, 128)",
        "(208,)",
        "(48, b't/u', b'hello')",
        "(48, b't/u', b'')",
        f"(48, b't', {b'p' * 200!r})",
        "(48, b't', b'r')",
    ]


FORBIDDEN = [
    (b"\x30\x00", 2),  # no topic
    (b"\x30\x01\x00", 2),
    (b"\x30\x02\x00\x01", 2),  # topic longer than the packet
    (b"\x30\x05\xff\xffabc", 2),
    (b"\x32\x07\x00\x01t\x00\x01pp", 2),  # at QoS 1, which was not subscribed
    (b"\x34\x07\x00\x01t\x00\x01pp", 2),
    (b"\x36\x07\x00\x01t\x00\x01pp", 2),
    (b"\x40\x00", 2),
    (b"\x40\x03\x00\x01\x00", 2),
    (b"\x41\x02\x00\x01", 2),  # flags that must be zero
    (b"\x20\x01\x00", 2),
    (b"\x90\x02\x00\x01", 2),
    (b"\xd0\x01\x00", 2),
    (b"\x40\x82\x00\x00\x01", 3),  # a length written longer than it need be
    (b"\x00\x00", 2),
    (b"\x10\x00", 2),  # what only a client sends
    (b"\x82\x05\x00\x01\x00\x00\x00", 2),
    (b"\xe0\x00", 2),
    (b"\xf0\x00", 2),
]


def test_what_the_protocol_does_not_allow_is_refused(codec):
    out = codec(f"""
for packet, body in {FORBIDDEN!r}:
    try:
        print(packet, codec.decode(packet, body))
    except MqttError as error:
        print("refused")
""")
    assert out == ["refused"] * len(FORBIDDEN)


def test_any_bytes_at_all_are_read_or_refused(codec):
    out = codec("""
import os
refused = 0
for size in range(60):
    for _ in range(60):
        packet = os.urandom(1) + bytes((size,)) + os.urandom(size)
        try:
            codec.decode(packet, 2)
        except MqttError:
            refused += 1
print(refused > 1000)
print(codec.publish(b"a", b"b", 1).hex())
""")
    assert out == ["True", "3206" + "000161" + "0001" + "62"]


def test_nothing_is_kept_of_what_was_read(codec):
    out = codec(f"""
import gc
def free():
    gc.collect()
    return gc.mem_free()
def round():
    for number in range(1, 200):
        codec.publish(b"a/b", b"x" * 700, number)
        codec.decode({message(b"t", b"p" * 1000)!r}, 3)
round()
before = free()
round()
print(before - free())
""")
    assert int(out[0]) <= 64
