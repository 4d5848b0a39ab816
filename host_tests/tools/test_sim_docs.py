"""docs/simulator.md speaks of what there is."""

import re
from pathlib import Path

import pytest

from host_tests.tools.sim_board import MODELS, world_of_model

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


def test_every_key_of_the_world_it_names_exists() -> None:
    there_are = set().union(*({*world.keys, *world.aliases} for world in map(world_of_model, MODELS)))
    assert set(re.findall(r"`(\w+)=\w+`", TEXT)) - {"stepped", "speed"} <= there_are
