"""A program that hangs is reset by the watchdog, and the next start says so. A network that hangs resets nothing."""

from host_tests.story.flash_files import append_to

HANG = """
_Alarm = Alarm

class Alarm(_Alarm):
    def set(self, on):
        if on:
            while True:
                pass
"""


def test_a_loop_that_stands_still_is_reset_within_its_time_and_told(house):
    append_to(house.unit.path, "firmware/alarm", HANG)
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    fridge.board.set("leak", "wet")
    fridge.wait(lambda: len(fridge.resets()) == 2, 60)
    fridge.board.set("leak", "dry")
    assert fridge.resets() == ["power", "watchdog"]
    fridge.wait(lambda: house.subscriber.of("heartbeat", bootcount=2), 60)
    assert house.subscriber.of("heartbeat", bootcount=2, seq=0)[0].claims["reset"] == "watchdog"
    assert house.subscriber.words() <= {"genuine", "duplicate"}


HANGING_TASK = """
_Reporter = Reporter

class Reporter(_Reporter):
    async def events(self, alive):
        await asyncio.Event().wait()
"""


def test_a_task_that_hangs_is_started_again_and_the_board_is_not_reset(house):
    append_to(house.unit.path, "firmware/reporter", HANGING_TASK)
    fridge = house.switch_on()
    fridge.run(80_000)
    assert any("task events: no sign of life" in line for line in fridge.type("log"))
    assert len(house.subscriber.of("heartbeat")) > 5
    assert fridge.resets() == ["power"]


DYING_VITAL_TASK = """
_Watch = Watch

class Watch(_Watch):
    async def run(self, alive):
        raise ValueError("probe task broke")
"""


def test_a_vital_task_that_keeps_dying_resets_with_its_reason(house):
    append_to(house.unit.path, "firmware/diagnosis/watch", DYING_VITAL_TASK)
    fridge = house.switch_on()
    fridge.wait(lambda: "hard" in fridge.resets(), 60)
    fridge.run(3000)
    assert any("before: task watch: ValueError" in line for line in fridge.type("log"))
