"""MQTT packets made and read by umqtt over memory: right to the byte, and nothing odd gets through."""

import struct

import pytest

from host_tests.firmware.scripted_broker import message

SETUP = """
sys.path.append({umqtt!r})
from lib.mqtt_memory import Codec
from firmware.uplink import mqtt_connect
codec = Codec(b"unit", b"user", b"secret", 60)
codec.client.set_callback(lambda *message: print(message))
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
    out = codec(f"""
import umqtt.simple
module = umqtt.simple.socket
for _ in range(2):
    print(mqtt_connect._connect(codec.client, b"topic", {will!r}).hex())
print(umqtt.simple.socket is module, codec.client.sock, len(codec.client.lw_msg))
""")
    # user, password, will retained, will QoS 1, will, clean session
    flags = 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02
    rest = text(b"MQTT") + bytes([4, flags]) + struct.pack(">H", 60)
    rest += text(b"unit") + text(b"topic") + text(will) + text(b"user") + text(b"secret")
    assert [bytes.fromhex(line) for line in out[:2]] == [packet(0x10, rest)] * 2
    assert out[2] == "True None 0"  # nothing is held, and nobody else's connections are touched


def test_connect_without_a_user(codec):
    (out,) = codec('print(mqtt_connect._connect(Codec(b"unit").client, b"topic", b"will").hex())')
    rest = text(b"MQTT") + bytes([4, 0x2E, 0, 0]) + text(b"unit") + text(b"topic") + text(b"will")
    assert bytes.fromhex(out) == packet(0x10, rest)


def test_publish_is_at_qos_1_with_the_next_number(codec):
    payloads = (b"", b"x", b"\x00\xff" * 350)
    out = codec(f"""
for number in (1, 2, 255, 256, 65535):
    for payload in {payloads!r}:
        for retain in (False, True):
            codec.client.pid = number - 1
            made, answer = codec.publish(b"a/b", payload, retain)
            print(made.hex(), answer.hex())
print(codec.publish(b"a/b", b"", False)[1].hex())
""")
    for number in (1, 2, 255, 256, 65535):
        for payload in payloads:
            for first in (0x32, 0x33):
                made, answer = [bytes.fromhex(part) for part in out.pop(0).split()]
                assert made == packet(first, text(b"a/b") + struct.pack(">H", number) + payload)
                assert answer == b"\x40\x02" + struct.pack(">H", number)
    assert out == ["40020001"]  # the number after 65,535


@pytest.mark.parametrize("length", [1, 45, 121, 122, 123, 124, 127, 128, 300, 20000])
def test_subscribe_with_a_topic_of_any_length(codec, length):
    out = codec(f"""
made, answer = mqtt_connect._subscribe(codec, b"t" * {length})
print(made.hex())
print(answer.hex())
""")
    assert bytes.fromhex(out[0]) == packet(0x82, b"\0\1" + text(b"t" * length) + b"\0")
    assert out[1] == "90030001"


def test_ping(codec):
    assert codec("print(codec.made(codec.client.ping).hex())") == ["c000"]


def test_messages_are_read(codec):
    out = codec(f"""
for packet, body in (
    ({message(b"t/u", b"hello")!r}, 2), ({message(b"t/u", b"")!r}, 2), ({message(b"t", b"p" * 200)!r}, 3),
    (b"\\x31" + {message(b"t", b"r")!r}[1:], 2), ({message(b"", b"")!r}, 2),
):
    codec.read(packet, body)
""")
    assert out == [
        "(b't/u', b'hello')",
        "(b't/u', b'')",
        f"(b't', {b'p' * 200!r})",
        "(b't', b'r')",
        "(b'', b'')",
    ]


FORBIDDEN = [
    (b"\x30\x00", 2),  # no topic
    (b"\x30\x01\x00", 2),
    (b"\x30\x02\x00\x01", 2),  # topic longer than the packet
    (b"\x30\x05\xff\xffabc", 2),
    (b"\x30\x80\x01" + b"\x00\x7f" + b"x" * 126, 3),
    (b"\x32\x07\x00\x01t\x00\x01pp", 2),  # at QoS 1, which was not subscribed
    (b"\x34\x07\x00\x01t\x00\x01pp", 2),
    (b"\x36\x07\x00\x01t\x00\x01pp", 2),
]


def test_a_publish_that_the_protocol_does_not_allow_is_refused(codec):
    out = codec(f"""
for packet, body in {FORBIDDEN!r}:
    try:
        codec.read(packet, body)
    except ValueError:
        print("refused")
""")
    assert out == ["refused"] * len(FORBIDDEN)


def test_any_bytes_at_all_are_read_or_refused(codec):
    out = codec("""
import os
codec.client.set_callback(lambda topic, payload: None)
refused = 0
for size in range(60):
    for _ in range(60):
        packet = b"\\x30" + bytes((size,)) + os.urandom(size)
        try:
            codec.read(packet, 2)
        except ValueError:
            refused += 1
print(refused > 1000)
print(codec.publish(b"a", b"b", False)[0].hex())
""")
    assert out == ["True", "3206" + "000161" + "0001" + "62"]


def test_nothing_is_kept_of_what_was_made_and_read(codec):
    out = codec(f"""
import gc
codec.client.set_callback(lambda topic, payload: None)
def free():
    gc.collect()
    return gc.mem_free()
def round():
    for number in range(200):
        codec.publish(b"a/b", b"x" * 700, False)
        codec.read({message(b"t", b"p" * 1000)!r}, 3)
        mqtt_connect._connect(codec.client, b"t", b"x" * 400)
round()
before = free()
round()
print(before - free())
""")
    assert int(out[0]) <= 64
