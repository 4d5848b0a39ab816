"""nameplate bench: one JSON object a line, a broken limit or a bench that cannot run ends with 1, and never in silence."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.bench import clone, heartbeat, latency
from nameplate.bench import run as bench_run
from nameplate.bench.figure import MEMBERS, figure, percentile
from nameplate.cli.main import run
from nameplate.errors import NameplateError

ROOT = Path(__file__).resolve().parents[2]
_numbers = count()

GOOD = "yield figure('steps', 2, 'steps', 4, simulated=False)"
OVER = "yield figure('stumbles', 5, 'steps', 4, simulated=True)"


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """`stand_ins(name=source_of_measure, ...)` puts these benches in the place of the real ones."""

    def make(**bodies: str) -> ModuleType:
        package = f"benches_of_test_{next(_numbers)}"
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        for name, body in bodies.items():
            (folder / f"{name}.py").write_text(
                body
                if "def measure" in body
                else f'"""What {name} costs.\n\nMore of it."""\n'
                "from nameplate.bench.figure import figure\nfrom nameplate.errors import NameplateError\n"
                f"def measure():\n    {body}\n"
            )
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        loaded = bench_run.benches(importlib.import_module(package))
        monkeypatch.setattr(bench_run, "benches", lambda: loaded)

    return make


@pytest.fixture
def bench(capsys):
    """Runs the verb; gives its exit code, the objects on its standard output, and what it told on the other."""

    def call(*words: str):
        code = run(["bench", *words])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return call


def test_one_object_a_line_with_every_member(stand_ins, bench):
    stand_ins(walk=GOOD, look="yield figure('seen', 1.23456, 'm', simulated=True)")
    code, lines, told = bench()
    assert code == 0
    assert lines == [
        {"metric": "seen", "value": 1.235, "unit": "m", "limit": None, "ratio": None, "simulated": True},
        {"metric": "steps", "value": 2, "unit": "steps", "limit": 4, "ratio": 0.5, "simulated": False},
    ]
    assert [tuple(line) for line in lines] == [MEMBERS] * 2
    assert "walk: What walk costs." in told


def test_a_broken_limit_ends_with_one_and_the_others_still_run(stand_ins, bench):
    stand_ins(bad=OVER, walk=GOOD)
    code, lines, told = bench()
    assert code == 1
    assert [(line["metric"], line["ratio"]) for line in lines] == [("stumbles", 1.25), ("steps", 0.5)]
    assert "stumbles: 5 steps, the limit is 4" in told
    assert bench("walk")[0] == 0


def test_what_a_figure_may_have_more_is_told_in_it(stand_ins, bench):
    stand_ins(
        near="yield figure('steps', 21, 'steps', 20, simulated=False) | {'slack': 0.05}",
        over="yield figure('stumbles', 22, 'steps', 20, simulated=False) | {'slack': 0.05}",
    )
    code, (line,), _ = bench("near")
    assert (code, line["ratio"], line["slack"]) == (0, 1.05, 0.05)
    code, (line,), told = bench("over")
    assert (code, line["ratio"]) == (1, 1.1)
    assert "stumbles: 22 steps, the limit is 20, with 5% more allowed" in told


def test_a_value_at_its_limit_is_not_over_it(stand_ins, bench):
    stand_ins(walk="yield figure('steps', 4, 'steps', 4, simulated=False)")
    code, (line,), _ = bench()
    assert (code, line["ratio"]) == (0, 1.0)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise NameplateError('no Node here', 'install Node')", "no Node here; install Node"),
        ("raise FileNotFoundError(2, 'No such file', 'node')", "FileNotFoundError"),
        ("return iter(())", "it gave no figure"),
        ("yield {'metric': 'steps', 'value': 1}", "a figure without its form"),
        ("yield {**figure('steps', 1, 'm', simulated=True), 'value': None}", "its value is not a number"),
        ("yield {**figure('steps', 1, 'm', 2, simulated=True), 'value': float('nan')}", "not a number"),
        ("yield {**figure('steps', 1, 'm', 2, simulated=True), 'ratio': None}", "a limit and a ratio"),
        ("yield {**figure('steps', 1, 'm', simulated=True), 'simulated': None}", "whether it is simulated"),
        (
            "yield {**figure('steps', 1, 'm', simulated=True), 'slack': 0.1}",
            "a slack is a number, and has a limit",
        ),
        ("import a_package_that_is_not_here\ndef measure(): pass", "a_package_that_is_not_here"),
        ("def measure(:", "SyntaxError"),
    ],
)
def test_a_bench_that_cannot_measure_says_so(stand_ins, bench, body, error):
    stand_ins(bad=body, walk=GOOD)
    code, (line, after), told = bench()
    assert code == 1
    assert error in line.pop("error")
    assert line == {**dict.fromkeys(MEMBERS), "metric": "bad"}
    assert "bad could not measure" in told
    assert after["metric"] == "steps"


def test_figures_before_a_failure_are_kept(stand_ins, bench):
    stand_ins(bad=f"{GOOD}; raise OSError('and then it broke')")
    code, (first, second), _ = bench()
    assert (code, first["value"]) == (1, 2)
    assert second["error"] == "OSError: and then it broke"


def test_named_only_quick_and_list(stand_ins, bench, capsys):
    stand_ins(
        walk=GOOD,
        long='"""Takes an hour."""\nDEFAULT = False\nfrom nameplate.bench.figure import figure\n'
        "def measure(quick=False):\n    yield figure('quick', int(quick), 'truth', simulated=True)\n",
    )
    assert [line["metric"] for line in bench()[1]] == ["steps"]
    assert bench("long")[1][0]["value"] == 0
    assert [line["value"] for line in bench("long", "walk", "--quick")[1]] == [1, 2]
    assert run(["bench", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == ["long", "walk"]
    assert "only when named" in listed[0]
    assert "only when named" not in listed[1]


def test_a_name_there_is_not_is_usage(bench, capsys):
    assert run(["bench", "flash_wear", "speed"]) == 2
    assert "there is no benchmark 'speed'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "variable", "missing"),
    [("memory", "PATH", "needs"), ("verify", "PATH", "openssl"), ("signature", "NAMEPLATE_MICROPYTHON", "")],
)
def test_a_program_that_is_missing_is_named(bench, monkeypatch, tmp_path, name, variable, missing):
    monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    code, (line,), _ = bench(name)
    assert code == 1
    assert line["value"] is None
    assert (missing or str(tmp_path)) in line["error"]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=300), st.integers(1, 100))
def test_a_percentile_is_a_value_and_has_its_share_below_it(values, percent):
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


# The real ones


def limits_hold(figures):
    return all(line["ratio"] is None or line["ratio"] <= 1 for line in figures)


def test_the_bytes_of_tokens(bench):
    code, lines, _ = bench("heartbeat")
    size = {line["metric"]: line["value"] for line in lines}
    four = [line for line in lines if line["limit"]]
    assert [(line["metric"], line["limit"], line["simulated"]) for line in four] == [
        ("heartbeat, four readings at their extremes", heartbeat.FOUR_READINGS_LIMIT, False)
    ]
    assert code == (0 if limits_hold(lines) else 1)
    assert size["heartbeat of the fridge"] < size["heartbeat of the fridge, first of a boot"]
    assert size["heartbeat of the fridge"] < size["event of the fridge"]
    assert size["reply to read"] < size["reply to read, with a leak"]


def test_latencies_of_a_few_leaks(bench):
    code, lines, _ = bench("latency", "--quick")
    assert all(line["simulated"] for line in lines)
    value = {line["metric"]: line["value"] for line in lines}
    limited = {line["metric"] for line in lines if line["limit"]}
    assert limited == {
        "probe to alarm, p99",
        "probe to alarm, broker silent or Wi-Fi gone, p99",
    }
    assert code == 0
    halves = [metric.removesuffix(", p50") for metric in value if metric.endswith(", p50")]
    assert len(halves) * 2 == len(value)
    assert all(0 < value[f"{metric}, p50"] <= value[f"{metric}, p99"] for metric in halves)
    # Debouncing takes two more samples at 20 ms; and nothing is sent before the alarm.
    assert 20 <= value["probe to alarm, p50"] <= value["probe to verified event, p50"]


def test_an_event_that_never_comes_is_not_waited_for_in_vain(monkeypatch):
    monkeypatch.setattr(latency, "_pour", lambda board, chance=None: board.now_ms)
    with pytest.raises(NameplateError, match="no alarm within a simulated minute"):
        latency.stepped(0, leaks=2, boots=0)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """`checkout(recipe)`: a repository whose `make demo` runs this, in the place of ours."""
    root = tmp_path / "checkout"

    def make(recipe: str) -> None:
        root.mkdir()
        (root / "Makefile").write_text(f"demo:\n\t@{recipe}\n")
        who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        for words in (["init", "-q"], ["add", "Makefile"], [*who, "commit", "-q", "-m", "all."]):
            subprocess.run(["git", *words], cwd=root, check=True, timeout=30)

    monkeypatch.setattr(clone, "device_root", lambda: root)
    return make


def test_a_clone_is_timed_and_weighed(checkout, bench):
    story = '{"came_true":true,"verdicts":{"genuine":3}}'
    checkout(
        "mkdir -p .venv .build; head -c 3000000 /dev/zero > .venv/big; ln -f .venv/big .venv/again;"
        f" echo $(ARGS); echo '{story}'"
    )
    code, lines, _ = bench("clone")
    assert code == 0
    value = {line["metric"]: line["value"] for line in lines}
    assert value["of that, the environment (.venv)"] == 3
    assert 3 < value["clone with all that the demo needs, on disk"] < 4
    (whole,) = [line for line in lines if line["metric"].startswith("clone to the end of the demo")]
    assert (whole["unit"], whole["simulated"]) == ("s", True)


@pytest.mark.parametrize(
    ("recipe", "error"),
    [
        ("echo 'nameplate: no network' >&2; exit 1", "no network"),
        ('echo \'{"came_true":false,"verdicts":{"genuine":3}}\'', "did not say that its story came true"),
        ("true", "did not say that its story came true"),
    ],
)
def test_a_clone_whose_demo_fails_gives_no_figure(checkout, bench, recipe, error):
    checkout(recipe)
    code, (line,), _ = bench("clone")
    assert code == 1
    assert error in line["error"]


def test_what_is_no_checkout_cannot_be_cloned(tmp_path, monkeypatch, bench):
    monkeypatch.setattr(clone, "device_root", lambda: tmp_path)
    code, (line,), _ = bench("clone")
    assert code == 1
    assert "not a checkout" in line["error"]


def test_every_bench_and_what_it_measures_is_documented():
    text = (ROOT / "docs/bench.md").read_text()
    known = bench_run.benches()
    assert {"clone", "flash_wear", "heartbeat", "latency", "memory", "signature", "stalls", "verify"} <= set(
        known
    )
    assert not [name for name in known if f"`{name}`" not in text]
    assert [name for name, bench in known.items() if not bench.default] == [
        "clone", "diagnosis", "score", "soak", "stalls", "trend",
    ]  # fmt: skip


def test_make_bench_calls_it():
    done = subprocess.run(
        ["make", "-n", "bench", "ARGS=clone"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "nameplate bench clone" in done.stdout


def test_the_benches_are_not_loaded_by_help():
    code = (
        "import sys\nfrom nameplate.cli.main import run\nrun(['bench', '--help'])\n"
        "print(sorted(name for name in sys.modules if name.startswith('nameplate.bench')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "metric, value, unit, limit, ratio, simulated" in " ".join(done.stdout.split())


def test_a_ratio_is_taken_before_rounding():
    assert figure("a", 0.00049, "s", 0.001, simulated=False)["ratio"] == 0.49
