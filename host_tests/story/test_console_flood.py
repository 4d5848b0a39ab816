"""Whatever comes in on the serial line: a short error, the next question is answered, no reset, and the heap stays."""

import random

from host_tests.story.flash_files import append_to

NONCE = "bm9uY2Utbm9uY2U"


def test_garbage_of_every_kind_is_survived(house):
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    noise = random.Random(1)
    for piece in (
        bytes(noise.randrange(256) for _ in range(2000)),
        b"\x00" * 1000 + b"\n",
        b"\xc3\n\xe2\x82\n\xf0\x9f\x98\n",
        b"x" * 3000 + b"\n",
        b"[" * 600 + b"\n",
        b'{"a":' * 100 + b"\n",
        b'{"jsonrpc":"2.0","id":1,"method":"' + b"A" * 1000 + b'"}\n',
        b"\x03\x04\x01\x02\x05" * 50 + b"\n",
        b"\r" * 300,
        b"help\r\n" * 10,
    ):
        fridge.say(piece)
        fridge.run(500)
    fridge.say(b"\n")
    fridge.run(2000)
    assert fridge.ask("read", nonce=NONCE)["result"]["reply"]
    assert fridge.resets() == ["power"]
    assert fridge.events("prompt") == []


def test_a_flood_does_not_hold_up_the_alarm_or_the_heartbeats(house):
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    before = len(house.subscriber.of("heartbeat"))
    noise = random.Random(2)
    moment = None
    for number in range(60):
        fridge.say(bytes(noise.choice(b'abc{}[]",:\n\r\x00\xff 0123') for _ in range(1500)))
        fridge.run(500)
        if number == 30:
            fridge.board.set("leak", "wet")
            moment = fridge.events("world")[-1].at_ms
    alarm = [event.at_ms for event in fridge.events("alarm") if event.detail == "on"][0]
    assert alarm - moment <= 150
    fridge.wait(
        lambda: house.subscriber.of("event") and len(house.subscriber.of("heartbeat")) > before + 1, 30
    )
    assert max(verdict.claims["lag"] for verdict in house.subscriber.of("heartbeat")) <= 100
    assert fridge.resets() == ["power"]
    assert house.subscriber.words() <= {"genuine", "duplicate"}


def test_ctrl_c_gives_nobody_a_prompt(house):
    fridge = house.switch_on()
    fridge.run(3000)
    for _ in range(20):
        fridge.say(b"\x03\x03\r\n\x01")
        fridge.run(200)
    fridge.say(b"\n")
    assert fridge.ask("version")["result"]["provisioned"]
    assert fridge.events("prompt") == []
    assert b">>>" not in fridge.heard()
    assert fridge.resets() == ["power"]


def test_a_development_board_keeps_its_prompt_and_says_so(build_house):
    house = build_house(dev=True)
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    assert house.subscriber.of("heartbeat", seq=0)[0].claims["dev"] is True
    fridge.say(b"\x03")
    fridge.wait(lambda: fridge.events("prompt"), 10)
    assert fridge.resets() == ["power"]


TELLS_ITS_HEAP = """
import gc
_Agent = Agent

class Agent(_Agent):
    async def housekeeping(self, alive):
        while True:
            alive()
            gc.collect()
            print("HEAP", gc.mem_free())
            await asyncio.sleep(1)
"""


def free_heap(fridge):
    """What the program has free, once the console has put away what it needed."""
    fridge.run(35_000)
    return int(fridge.heard().rsplit(b"HEAP ", 1)[1].split()[0])


def test_a_flood_leaves_the_heap_as_it_was(house):
    append_to(house.unit.path, "firmware/agent", TELLS_ITS_HEAP)
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))

    def pester(seed):
        noise = random.Random(seed)
        for _ in range(10):
            fridge.say(bytes(noise.choice(b'abc{}[]",:\n\r\x00\xff 0123') for _ in range(400)) + b"\n")
            fridge.say(b'{"jsonrpc":"2.0","id":1,"method":"version"}\n[[[[[[[[\nhelp\nid\nsensors\n')
            fridge.run(400)

    pester(1)
    fridge.run(30_000)  # by then the faults were judged once: the names in the judge's code stay
    before = free_heap(fridge)
    for seed in (2, 3, 4):
        pester(seed)
    assert before - free_heap(fridge) < 1000
    assert fridge.ask("read", nonce=NONCE)["result"]
    assert fridge.resets() == ["power"]
