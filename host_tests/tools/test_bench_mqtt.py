"""nameplate bench mqtt: both clients publish to a real broker, and every figure has its form. How long it took is the bench's."""

from nameplate.bench import mqtt
from nameplate.bench.figure import problem


def test_ours_and_the_bare_library_are_both_timed():
    found = list(mqtt.measure(quick=True))
    assert [problem(figure) for figure in found] == [None] * 4
    assert all(figure["value"] > 0 for figure in found)
    assert [figure["limit"] for figure in found] == [3.0, None, None, 0.2]
