"""docs/simulator.md speaks of what there is."""

import re
from pathlib import Path

import pytest

from host_tests.tools.sim_board import MODELS, world_of_model
from nameplate.errors import NameplateError
from nameplate.sim.keys import DS18B20_WORDS, NTC_WORDS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/simulator.md").read_text()
ROWS = [
    row.split("|") for row in TEXT.partition("## Known differences")[2].splitlines() if row.startswith("| ")
][1:]


def test_every_difference_names_a_test_there_is_or_says_untested() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_sim_*.py"))
    tests = set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))
    assert len(ROWS) > 25
    for row in ROWS:
        named = re.findall(r"`(test_\w+)`", row[3])
        assert named or row[3].strip() == "untested", row[1]
        assert set(named) <= tests, row[1]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+\.py)`", TEXT)) - {"boot.py", "main.py"}))
def test_every_module_it_names_exists(name: str) -> None:
    assert list((ROOT / "tools/nameplate/sim").glob(f"**/{name}"))


@pytest.mark.parametrize("said", sorted(set(re.findall(r"`(\w+=\w+)`", TEXT)) - {"stepped=True"}))
def test_every_change_of_the_world_it_names_can_be_made(said: str) -> None:
    key, value = said.replace("NAME", "fridge").split("=")
    if key == "speed":
        return
    value = "3" if value == "N" else value
    refused = []
    for model in MODELS:
        try:
            world_of_model(model).set(key, value)
        except NameplateError as error:
            refused.append(error.message)
    assert len(refused) < len(MODELS), refused


@pytest.mark.parametrize(("kind", "words"), [("ntc", NTC_WORDS), ("ds18b20", DS18B20_WORDS)])
def test_it_tells_every_fault_of_a_thermometer(kind: str, words: tuple[str, ...]) -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{kind}` |"))
    assert {f"`{word}`" for word in words} <= set(re.findall(r"`\w+`", row))
