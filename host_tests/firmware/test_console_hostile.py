"""Bad input at the console: any bytes in any pieces, small heaps, a carrier nobody reads. No reset, no growth."""

import json
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from host_tests.firmware.fakes import Appliance, drive

ENDINGS = [b"\n", b"\r\n", b"\r"]
lines = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([
        b"id", b"help", b"log 5", b"sensors", b"consent off", b"\x00" * 20, b"\xc3", b"\xf0\x9f", b"x" * 600,
        b"{" * 30, b"[" * 511, b'{"a":' * 80, b'{"jsonrpc":"2.0","id":1,"method":"help"}', b'"', b"?",
        b'{"jsonrpc":"2.0","id":"\\u0000","method":"id"}', b'{"jsonrpc":"2.0","id":null,"method":"sent"}',
        b'{"jsonrpc":"2.0","id":1,"method":"read","params":{"nonce":"bm9uY2Utbm9uY2U"}}', b" ", b"\x08\x7f",
        b"faults --all", b"faults ---all", b"explain L01 de", b"explain ../../x", b"explain \xc3\xbc", b"sensors live",
        b'{"jsonrpc":"2.0","id":1,"method":"explain","params":{"code":"L01","lang":"../"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"faults","params":{"all":1e99}}',
    ]),
)  # fmt: skip
streams = st.lists(st.tuples(lines, st.sampled_from(ENDINGS)).map(b"".join), max_size=8).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(at)]


@hypothesis_settings(deadline=None, max_examples=200)
@given(streams, st.lists(st.integers(0, 700), max_size=6))
def test_any_bytes_in_any_pieces(data, cuts):
    whole, cut = Appliance(), Appliance()
    whole.ask(data)
    for piece in pieces(data, cuts):
        drive(cut.session.feed(piece))
    assert cut.out == whole.out
    assert whole.session.failures == 0
    assert whole.out.count(b"\r\n") == whole.out.count(b"\n") == whole.out.count(b"\r")
    assert all(byte in (10, 13) or 32 <= byte < 127 for byte in whole.out)
    drive(whole.session.feed(b"\n"))
    assert whole.ask(b"version\n")[0].startswith("nameplate ")


def answers_expected(line: bytes) -> bool:
    """Whether a complete line is to be answered at all."""
    text = line.strip()
    if not text:
        return False
    if len(line) > 512:
        return True
    if text[:1] in (b"{", b"["):
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            return True
        if not isinstance(request, dict):
            return True
        response = "method" not in request and ("result" in request or "error" in request)
        return not response and (
            "id" in request or request.get("jsonrpc") != "2.0" or "method" not in request
        )
    return True


@hypothesis_settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | lines)
def test_one_line_for_a_program_one_answer_for_a_person(line):
    line = re.sub(rb"[\r\n]", b" ", line)
    appliance = Appliance()
    answer = appliance.ask(line + b"\n")
    counted = appliance.session.answered + appliance.session.refused
    text = line.strip()
    if text[:1] in (b"{", b"["):
        assert len(answer) == answers_expected(line)
        for each in answer:
            assert json.loads(each)["jsonrpc"] == "2.0"
    elif text and not {8, 127} & set(text) and not text.startswith(b"?"):
        assert answer
        assert counted >= 1
    if answer and answer[0].startswith("?"):
        assert len(answer) == 1
        assert len(answer[0]) <= 79


HOSTILE = """
import gc, json
from host_tests.firmware import fakes
appliance = fakes.Appliance(journal=[b"started"])
async def nowhere(data):
    appliance.written += len(data)
appliance.written = 0
appliance.session.write = nowhere
state = 12345
def number(limit):
    global state
    state = (state * 1103515245 + 12345) & 0x3FFFFFFF
    return (state >> 8) % limit
shapes = (
    lambda: bytes([number(256) for _ in range(number(30))]),
    lambda: b"x" * number(700),
    lambda: b'{"a":' * number(100),
    lambda: b"[" * number(512),
    lambda: b'{"jsonrpc":"2.0","id":%d,"method":"sensors"}' % number(99999),
    lambda: b'{"jsonrpc":"2.0","id":"%d","method":"nope"}' % number(99999),
    lambda: b'{"jsonrpc":"2.0","id":' + b"9" * number(480) + b',"method":"id"}',
    lambda: b'{"k%d":"' % number(99999) + bytes([number(256) for _ in range(number(200))]) + b'"}',
    lambda: b"cmd%d" % number(99999),
    lambda: b"id",
    lambda: b"explain L%02d" % number(100),
    lambda: b"faults --all",
    lambda: b'{"jsonrpc":"2.0","id":1,"method":"explain","params":{"lang":"%c%c"}}' % (number(128), number(128)),
    lambda: b"\\xc3" * number(20),
    lambda: b"\\0" * number(600),
)
def flood(lines):
    for _ in range(lines):
        fakes.drive(appliance.session.feed(shapes[number(len(shapes))]() + b"\\n"))
"""


def test_five_thousand_hostile_lines_leave_no_trace_in_the_heap(micropython):
    printed = micropython(
        HOSTILE
        + """
flood(1000)
appliance.session.rest(); gc.collect(); before = gc.mem_alloc()
flood(2000)
appliance.session.rest(); gc.collect(); middle = gc.mem_alloc()
flood(2000)
appliance.session.rest(); gc.collect(); after = gc.mem_alloc()
print(before, middle, after, appliance.session.failures, appliance.session.last_failure)
appliance.session.write = appliance.write
print(appliance.ask(b"\\nid\\n")[1])
""",
        heap="240k",
    )
    numbers, last = printed.splitlines()
    before, middle, after, failures, kind = numbers.split()
    # What varies is what happens to lie in temporaries when the collector looks, not what is kept.
    assert int(after) - int(before) <= 512, numbers
    assert int(after) - int(middle) <= 256, numbers
    assert (failures, kind) == ("0", "None")
    assert last == "serial    4F7-220918"


def test_no_memory_is_one_short_error_and_the_session_goes_on(micropython):
    printed = micropython(
        HOSTILE
        + """
import micropython
appliance.session.write = appliance.write
first = appliance.ask(b"id\\n")
request = b'{"jsonrpc":"2.0","id":1,"method":"faults"}\\n'
def squeeze(command, keep):
    # Fill the heap to the last block, then give a little back.
    gc.collect()
    hoard = []
    size = 65536
    while size >= 16:
        try:
            hoard.append(bytearray(size))
        except MemoryError:
            size //= 2
    for _ in range(min(keep, len(hoard))):
        hoard.pop()
    answer = None
    try:
        fakes.drive(appliance.session.feed(command))
        answer = "ok"
    except MemoryError:
        answer = "raised"
    hoard = None
    gc.collect()
    return answer
raised = 0
for keep in range(0, 40):
    for command in (b"id\\n", b"sensors\\n", b"help\\n", request, b"x" * 400 + b"\\n", b"sent\\n"):
        appliance.out = bytearray(4096)
        appliance.session.write = nowhere
        if keep % 2:
            appliance.session.rest()
        if squeeze(command, keep) == "raised":
            raised += 1
    appliance.session.write = appliance.write
    if appliance.ask(b"\\nid\\n") != first:
        print("lost at", keep)
print(raised, appliance.session.failures > 5, appliance.session.last_failure)
""",
        heap="240k",
    )
    assert printed.splitlines() == ["0 True MemoryError"]
