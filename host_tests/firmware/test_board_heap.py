"""Python's heap taken in one piece at the start: as much as may be, never an exception, and collecting goes on after."""

import pytest

SCRIPT = """
import gc, sys

class Module: pass
esp32 = Module()
esp32.HEAP_DATA = 4
sys.modules["esp32"] = esp32
sys.modules["machine"] = Module()
from firmware.board import Board

def heap(*regions):
    esp32.idf_heap_info = lambda kind: list(regions)
def grow(spare):
    before = gc.mem_alloc()
    held = Board.grow_heap(None, spare)
    gc.collect()
    print(len(held), gc.isenabled(), gc.mem_alloc() - before < 1000)
"""


@pytest.mark.parametrize(
    ("regions", "spare", "held"),
    [
        ("heap((113840, 106000, 0, 0), (50000, 100, 102400, 0))", 18432, 8),
        ("heap((113840, 1000, 1000, 0))", 18432, 8),  # nothing to spare: it grows by nothing
        ("heap((9, 9, 1 << 29, 0))", 0, 0),  # more than there is
        ("heap()", 0, 0),
        ("pass", 0, 0),  # a build without idf_heap_info
    ],
)
def test_it_is_held_by_little_and_nothing_is_raised(micropython, regions, spare, held):
    assert micropython(f"{SCRIPT}\n{regions}\ngrow({spare})").split() == [str(held), "True", "True"]
