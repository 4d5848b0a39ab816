"""An exception, of any kind and anywhere in the agent, never ends at a prompt on a shipped board: it goes on, or starts again.

The active slot is the agent as built, with a place in each kind of code that raises what the file /boom says.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_tests.story.conftest import Fridge
from host_tests.story.flash_files import change_files
from nameplate.factory import sources
from nameplate.factory.code import Code
from nameplate.factory.provision import Unit

# What raises, by module: appended to it, or a module of its own.
PLACES = {
    "lib/boom": """
class Unspeakable(Exception):
    def __repr__(self):
        raise MemoryError

_ERRORS = {"ValueError": ValueError, "MemoryError": MemoryError, "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt, "GeneratorExit": GeneratorExit, "Unspeakable": Unspeakable}

def wanted(place):
    try:
        with open("/boom") as file:
            return file.read().split("|")[0] == place
    except OSError:
        return False

def boom(place):
    if wanted(place):
        with open("/boom") as file:
            error = file.read().split("|")[1]
        raise _ERRORS[error]
""",
    "firmware/agent": """
from lib.boom import boom
boom("import")
""",
    "firmware/app": """
_boom_main = main
def main(reason=""):
    from lib.boom import boom
    boom("main")
    _boom_main(reason)
""",
    "firmware/console/commands": """
from lib.boom import boom
boom("rare part")
""",
    "firmware/panel": """
from lib import boom
_boom_run = Panel.run

async def _boom_stray():
    boom.boom("stray task")

def _boom_generator():
    try:
        yield
    finally:
        boom.boom("generator")

async def _boom_instead(self, alive):
    import machine, micropython
    boom.boom("task")
    if boom.wanted("stray task"):
        asyncio.create_task(_boom_stray())
    if boom.wanted("callback"):
        micropython.schedule(boom.boom, "callback")
    if boom.wanted("timer"):
        machine.Timer(0).init(mode=machine.Timer.ONE_SHOT, period=50, callback=lambda timer: boom.boom("timer"))
    if boom.wanted("interrupt"):
        machine.Pin(4, machine.Pin.IN).irq(lambda pin: boom.boom("interrupt"), machine.Pin.IRQ_FALLING)
    if boom.wanted("generator"):
        started = _boom_generator()
        next(started)
        started.close()
    await _boom_run(self, alive)

Panel.run = _boom_instead
""",
}
WHERE = ("import", "main", "task", "stray task", "callback", "timer", "interrupt", "generator", "rare part")


@pytest.fixture(scope="module")
def failing_agent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a slot whose agent fails on demand."""
    changed = tmp_path_factory.mktemp("device")
    for part in (*sources.PACKAGES, "boot.py", "main.py"):
        place = sources.device_root() / part
        (shutil.copytree if place.is_dir() else shutil.copy)(place, changed / part)
    for module, source in PLACES.items():
        with (changed / f"{module}.py").open("a") as file:
            file.write(source)
    return dict(Code(changed).files())


@pytest.fixture(scope="module")
def provisioned(make_unit: Callable[..., Unit]) -> tuple[Unit, bytes]:
    """A unit, and its flash as it was made."""
    made = make_unit()
    return made, made.path.read_bytes()


@pytest.fixture
def unit(provisioned: tuple[Unit, bytes]) -> Unit:
    """The unit as it was made."""
    made, flash = provisioned
    made.path.write_bytes(flash)
    return made


def put(flash: Path, agent: dict[str, bytes], slots: str, place: str, error: str) -> None:
    """Give the unit this agent, in these slots, and tell it what to raise where."""
    files: dict[str, Any] = {f"/{slot}/{path}": content for slot in slots for path, content in agent.items()}
    change_files(flash, {**files, "/boom": f"{place}|{error}".encode()})


def answers(fridge: Fridge) -> bool:
    """Whether the console answers; a trace that C code printed before has no ends of lines."""
    start = len(fridge.heard())
    for _ in range(100):
        fridge.say(b'{"jsonrpc":"2.0","id":1,"method":"version"}\n')
        fridge.run(100)
        if b'"result":{"provisioned":true' in fridge.heard()[start:]:
            return True
    return False


# Three that matter everywhere, and of the other three one in each place.
CASES = [(place, error) for place in WHERE for error in ("ValueError", "SystemExit", "KeyboardInterrupt")]
CASES += [(place, ("GeneratorExit", "MemoryError", "Unspeakable")[at % 3]) for at, place in enumerate(WHERE)]


@pytest.mark.parametrize(("place", "error"), CASES)
def test_the_board_goes_on_or_starts_again_and_answers(
    unit: Unit, failing_agent: dict[str, bytes], place: str, error: str
) -> None:
    put(unit.path, failing_agent, "a", place, error)
    fridge = Fridge(unit)
    try:
        fridge.run(2000)
        if place == "interrupt":
            fridge.board.set("button", "pressed")
        if place == "rare part":
            fridge.say(b"help\n")
        fridge.run(1500)
        assert answers(fridge)
        assert fridge.events("prompt") == []
        stops_everything = error in ("SystemExit", "KeyboardInterrupt", "GeneratorExit")
        must_restart = place in ("import", "main") or (
            place in ("task", "stray task", "generator", "rare part") and stops_everything
        )
        # To say what came the error is asked for its words; one that raises then may cost a restart too.
        assert (len(fridge.resets()) > 1) is must_restart or error == "Unspeakable"
    finally:
        fridge.close()


@pytest.mark.parametrize("error", ["MemoryError", "Unspeakable"])
def test_where_both_slots_fail_it_keeps_starting_with_pauses(
    unit: Unit, failing_agent: dict[str, bytes], error: str
) -> None:
    put(unit.path, failing_agent, "ab", "main", error)
    fridge = Fridge(unit)
    try:
        fridge.run(40_000)
        assert fridge.events("prompt") == []
        starts = [event.at_ms for event in fridge.events("boot")]
        assert 4 <= len(starts) <= 8
        assert starts[1] - starts[0] >= 1000
    finally:
        fridge.close()
