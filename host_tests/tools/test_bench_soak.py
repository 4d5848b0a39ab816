"""The soak: 60 heartbeats, 10 reconnects and 200 console lines leave the heap where it was, and a leak would be seen.

`make soak` does 10,000, 1,000 and 10,000.
"""

from nameplate.bench import soak
from nameplate.bench.figure import broken, problem

LEAKS = """
_Telling = Agent

class Agent(_Telling):
    async def housekeeping(self, alive):
        kept = []
        def leaks():
            kept.append(bytes(64))
            alive()
        await _Telling.housekeeping(self, leaks)
"""


def test_much_of_everything_leaves_the_heap_where_it_was():
    told = []
    figures = {figure["metric"]: figure for figure in soak.measure(quick=True, tell=told.append)}
    grown = [figure for name, figure in figures.items() if name.startswith("heap grown by ")]
    assert [name for name in figures if "grown" in name] == [
        "heap grown by 60 heartbeats",
        "heap grown by 10 reconnects",
        "heap grown by 200 console lines",
        "heap grown by all of them",
    ]
    assert all(not broken(figure) and figure["limit"] == soak.LIMIT_BYTES for figure in grown), grown
    assert all(problem(figure) is None and figure["simulated"] for figure in figures.values())
    assert "0 of 200 console lines" in told


def test_a_few_bytes_lost_each_second_are_found():
    few = soak.Extent(10, 0, 0, 2, 0, 0)
    heartbeats = next(iter(soak.soak(few, lambda text: None, LEAKS)))
    assert broken(heartbeats)
    assert heartbeats["value"] > 64 * 30
