"""The heap of the running agent on a 32-bit interpreter: every figure is there, and heartbeats leave nothing behind."""

import os
import shutil
from pathlib import Path

import pytest

from nameplate.bench import memory

PACKAGE = Path(__file__).resolve().parents[2] / "node_modules/@micropython/micropython-webassembly-pyscript"


@pytest.fixture(scope="module")
def figures():
    if not (shutil.which("node") and PACKAGE.is_dir()):
        missing = "no 32-bit MicroPython here: it needs node, and `npm ci` in the checkout"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return {figure["metric"]: figure for figure in memory.measure()}


def test_heartbeats_leave_the_heap_where_it_was(figures):
    before = figures["heap live after boot"]["value"]
    after = figures["heap live after 100 heartbeats"]["value"]
    # What grows at first and then stays: interned names, the codec's buffers. Not 100 tokens of 600 bytes.
    assert 0 <= after - before < 3000


def test_code_and_data_add_up_and_have_limits(figures):
    code = figures["heap held by code"]
    data = figures["heap held by data after 100 heartbeats"]
    assert code["value"] + data["value"] == figures["heap live after 100 heartbeats"]["value"]
    assert code["limit"] == 48 * 1024
    assert data["limit"] == 16 * 1024
    assert code["ratio"] == round(code["value"] / code["limit"], 3)
    assert all(figure["simulated"] for figure in figures.values())


@pytest.mark.parametrize(
    "metric", ["heap held by code", "heap held by data after boot", "heap held by data after 100 heartbeats"]
)
def test_the_heap_keeps_within_its_limit_and_the_five_percent_that_the_plan_allows(figures, metric):
    figure = figures[metric]
    assert figure["slack"] == 0.05
    modules = [(one["value"], name) for name, one in figures.items() if "(code, in " in name]
    largest = "; ".join(f"{name} {size}" for size, name in sorted(modules, reverse=True)[:8])
    over = figure["value"] - figure["limit"] * 1.05
    assert over <= 0, f"{metric} is {over:.0f} bytes over its limit and the slack; largest: {largest}"


def test_the_modules_sum_up_to_the_code_but_for_names(figures):
    modules = [figure for name, figure in figures.items() if "(code, in " in name]
    files = [figure for name, figure in figures.items() if "(file that stays)" in name]
    code = figures["heap held by code"]["value"]
    named = code - sum(figure["value"] for figure in modules)
    assert 0 <= named < 40 * figures["names interned"]["value"]
    assert len(modules) > 30 and sum(figure["value"] for figure in files) < code


def test_what_is_needed_once_is_dropped_after_boot(figures):
    dropped = [name for name in figures if name.endswith("(file dropped after use)")]
    assert any("firmware.identity_records" in name for name in dropped)
    assert any("firmware.build" in name for name in dropped)
