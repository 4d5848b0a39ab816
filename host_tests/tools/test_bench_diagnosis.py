"""A short version of `make bench-diagnosis`: healthy months without a false word, and each typical fault found.

The sensors, rules, trends and evidence are the device's, on its interpreter; the appliances are simulated.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nameplate.bench import diagnosis
from nameplate.bench.figure import problem
from nameplate.bench.years import marks, model, plan, table
from nameplate.bench.years.faults import PRODUCT
from nameplate.bench.years.home import DAY
from nameplate.bench.years.lives import Case
from nameplate.bench.years.plan import Batch
from nameplate.bench.years.run import Result, live

pytestmark = pytest.mark.timeout(
    400
)  # the lives take some twenty seconds, on a machine that does nothing else
ROOT = Path(__file__).resolve().parents[2]
TYPICAL, SEVERE = 1, 2
# Days of two healthy lives of each model.
HEALTHY = {"kf320": 30, "gs45": 45, "wm90": 45}
LANES = 2
WARM_DAYS = 2
TREND_WARM_DAYS = 20
# Found late or in part of the homes only, by the whole benchmark: those are not asked of one life.
SLOW = ("condenser furs up", "defrost heater with", "compressor with 60")
# Typical is not enough in every home: here it is severe.
HARD = ("damper stuck open", "air to the fridge", "refrigerant lost")
LONGEST_DAYS = 30  # somebody may be on holiday
SEED = 4


def batch(folder):
    """The healthy lives and the faulty ones of a model, side by side."""
    found = model.load(folder)
    days = HEALTHY[folder]
    cases = [Case(folder, "healthy", "healthy", 0, np.inf, days * DAY) for _ in range(LANES)]
    for fault in PRODUCT[folder]:
        if not fault.name.startswith(SLOW):
            grade = SEVERE if fault.name.startswith(HARD) else TYPICAL
            onset = (TREND_WARM_DAYS if fault.trend else WARM_DAYS) * DAY
            end = onset + max(fault.days[grade], LONGEST_DAYS) * DAY
            cases.append(
                Case(folder, "product", fault.name, grade, onset, end, fault.codes, fault.follows, fault)
            )
    return Batch(found, "short", cases, seed=SEED)


@pytest.fixture(scope="module")
def results():
    made = {folder: batch(folder) for folder in model.MODELS}
    kept = {folder: marks.Marks(one.model) for folder, one in made.items()}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda folder: live(made[folder], kept[folder]), made))
    return {
        folder: Result(one.model, kept[folder], one.cases[:LANES], one.cases[LANES:])
        for folder, one in made.items()
    }


@pytest.mark.parametrize("folder", model.MODELS)
def test_healthy_months_bring_no_false_word(results, folder):
    result = results[folder]
    words = [word for case in result.healthy for word in marks.false_words(case, result.model)]
    assert words == []
    assert marks.years(result.healthy) == pytest.approx(LANES * HEALTHY[folder] / 365, rel=0.02)


@pytest.mark.parametrize(
    ("folder", "name"), [(folder, fault.name) for folder in model.MODELS for fault in PRODUCT[folder]
                         if not fault.name.startswith(SLOW)]
)  # fmt: skip
def test_each_typical_fault_is_found_by_its_name(results, folder, name):
    (case,) = [case for case in results[folder].product if case.name == name]
    word = case.found()
    assert word is not None, [(one["code"], one["state"]) for one in case.told if one["state"] != "forecast"]
    assert case.onset_s <= word["at_s"] <= case.end_s
    wrong = {one["code"] for one in marks.false_words(case, results[folder].model)}
    assert wrong == set()


@pytest.mark.parametrize("folder", model.MODELS)
def test_what_is_said_has_evidence(results, folder):
    result = results[folder]
    words = [word for case in result.product for word in case.told if word["state"] == "confirmed"]
    assert words
    for word in words:
        claims = word["claims"]
        assert claims["basis"]
        assert 0 <= claims["for"] <= claims["known"] <= claims["window"]
        assert claims["confidence"] is None or 0 <= claims["confidence"] <= 100
        if "mean" in claims:
            assert claims["min"] <= claims["mean"] <= claims["max"]
    assert not [word["text"] for case in result.product for word in case.told if word["state"] == "note"]


def test_figures_have_their_form_and_say_simulated(results):
    figures = list(table.figures(list(results.values())))
    assert not [problem(found) for found in figures if problem(found)]
    assert all(found["simulated"] for found in figures)
    by_name = {found["metric"]: found for found in figures}
    for folder in model.MODELS:
        false = by_name[f"{folder} false product faults"]
        assert (false["value"], false["limit"]) == (0, 0)
        lived = by_name[f"{folder} healthy life"]["value"]
        assert by_name[f"{folder} false product faults, 95 % bound"]["value"] == pytest.approx(
            3 / lived, rel=0.3
        )


def test_the_table_says_simulated_wherever_it_has_a_figure(results):
    blocks = "\n".join(table.lines(list(results.values()))).split("\n\n")
    assert len(blocks) > 6
    assert not [block for block in blocks if any(map(str.isdigit, block)) and "simulated" not in block.lower()
                and "| stated |" not in block]  # fmt: skip


def test_it_runs_only_when_it_is_named_and_make_names_it():
    assert not diagnosis.DEFAULT
    done = subprocess.run(
        ["make", "-n", "bench-diagnosis", "ARGS=--quick --seed 3"],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert "nameplate.bench.years --quick --seed 3" in done.stdout


def test_its_help_loads_neither_numpy_nor_matplotlib():
    code = (
        "import sys\nfrom nameplate.bench.run import benches\nbenches()\n"
        "print([name for name in ('numpy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_the_promised_size_is_the_default():
    assert plan.FULL.lanes * plan.FULL.days * len(model.MODELS) >= 150 * 365
