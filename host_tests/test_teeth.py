"""The list of bugs for `make teeth` is up to date: each can still be planted, is Python, and names tests there are."""

import ast

import pytest

from host_tests.teeth.bugs import ROOT, bugs

BUGS = bugs()


def test_there_are_twenty_with_names_of_their_own():
    assert len(BUGS) >= 20
    assert len({bug.name for bug in BUGS}) == len(BUGS)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_it_can_be_planted(bug):
    assert bug.file.startswith(
        ("firmware/sensors/", "firmware/diagnosis/", "lib/", "tools/nameplate/factory/")
    )
    assert bug.old != bug.new
    ast.parse(bug.plant(ROOT))
    for test in bug.tests:
        path, _, name = test.partition("::")
        assert name.partition("[")[0] in (ROOT / path).read_text()
