"""`nameplate replay` as a field engineer meets it: real files, the real interpreter."""

import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nameplate.cli.main import run

START = datetime(2026, 3, 2)


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def write(path, rows, head="timestamp,value"):
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


def stamp(i, step_s=300):
    return (START + timedelta(seconds=i * step_s)).isoformat(sep=" ")


def series(count, seed=1):
    rng = random.Random(seed)
    return [f"{stamp(i)},{4 + rng.gauss(0, 0.2):.3f}" for i in range(count)]


def fridge(count):
    """A healthy fridge-freezer, a row each five minutes: [fridge, freezer, evap, door] as texts."""
    rng = random.Random(2)
    found = []
    for i in range(count):
        wave = math.sin(i / 2)
        found.append(
            [
                f"{4.5 + wave + rng.gauss(0, 0.1):.2f}",
                f"{-18 + wave + rng.gauss(0, 0.1):.2f}",
                f"{-22 + 8 * wave:.2f}",
                "closed",
            ]
        )
    return found


HEAD = "timestamp,fridge,freezer,evap,door"


def fridge_file(path, cells, start=0):
    return write(path, [",".join([stamp(start + i), *row]) for i, row in enumerate(cells)], HEAD)


def test_each_row_has_its_time_and_a_score(tmp_path, capsys):
    rows = series(900)
    rows[700:800] = [f"{stamp(i)},9.5" for i in range(700, 800)]
    assert run(["replay", write(tmp_path / "a.csv", rows), "--score"]) == 0
    out, err = capsys.readouterr()
    found = lines(out)
    assert [row["timestamp"] for row in found] == [stamp(i) for i in range(900)]
    assert all(set(row) == {"timestamp", "score"} and 0 <= row["score"] <= 1 for row in found)
    assert max(row["score"] for row in found[700:800]) > 1.5 * max(row["score"] for row in found[288:700])
    assert "900 rows, 0 skipped, 0 gaps" in err


def test_without_lenient_the_first_bad_row_ends_it_with_its_number(tmp_path, capsys):
    rows = series(300)
    rows[250] = f"{stamp(250)},oops"
    assert run(["replay", write(tmp_path / "a.csv", rows), "--score"]) == 2
    out, err = capsys.readouterr()
    assert len(lines(out)) == 250
    assert "row 252" in err and "'oops' is not a number" in err and "--lenient" in err


@pytest.mark.parametrize(
    "bad, said",
    [
        ("{stamp},NaN", "without a number"),
        ("{stamp},", "without a value"),
        ("{stamp},abc", "without a number"),
        ("{before},1", "with a repeated time"),
        ("2020-01-01 00:00:00,1", "out of order"),
        ("noon,1", "without a time"),
    ],
)
def test_lenient_skips_and_counts_and_keeps_a_line_for_each_row(bad, said, tmp_path, capsys):
    rows = series(120)
    clean = write(tmp_path / "clean.csv", rows[:60] + rows[61:])
    rows[60] = bad.format(stamp=stamp(60), before=stamp(59))
    assert run(["replay", write(tmp_path / "a.csv", rows), "--score", "--lenient"]) == 0
    out, err = capsys.readouterr()
    found = lines(out)
    assert len(found) == 120 and "skipped" in found[60] and found[60]["score"] == found[59]["score"]
    assert f"120 rows, 1 skipped (1 {said})" in err
    # What is skipped leaves no trace in what follows.
    assert run(["replay", clean, "--score"]) == 0
    assert lines(capsys.readouterr().out) == found[:60] + found[61:]


def test_a_gap_is_told_with_its_row_and_counted(tmp_path, capsys):
    rows = series(200)
    assert run(["replay", write(tmp_path / "a.csv", rows[:100] + rows[150:]), "--score"]) == 0
    err = capsys.readouterr().err
    assert "row 102: a gap of 4.2 h since row 101" in err and "1 gap (longest 4.2 h)" in err


def test_rows_that_come_later_change_nothing_before_them(tmp_path, capsys):
    rows = series(400)
    run(["replay", write(tmp_path / "a.csv", rows), "--score"])
    whole = capsys.readouterr().out.splitlines()
    run(
        [
            "replay",
            write(tmp_path / "b.csv", rows[:300] + [f"{stamp(i)},-7e9" for i in range(300, 400)]),
            "--score",
        ]
    )
    assert capsys.readouterr().out.splitlines()[:300] == whole[:300]


def test_on_a_pipe_each_row_is_answered_before_the_next_is_written(tmp_path):
    tools = Path(__file__).resolve().parents[2] / "tools"
    process = subprocess.Popen(
        [sys.executable, "-m", "nameplate", "replay", "-", "--score"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tools)},
    )  # fmt: skip
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        process.stdin.write(b"timestamp,value\n")
        for i in range(20):
            process.stdin.write(f"{stamp(i)},{i}\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["timestamp"] == stamp(i)
        process.stdin.close()
        assert process.wait() == 0
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_a_healthy_fridge_has_no_fault_and_each_sensor_its_quality(tmp_path, capsys):
    assert run(["replay", fridge_file(tmp_path / "a.csv", fridge(288)), "--profile", "kf320"]) == 0
    out, err = capsys.readouterr()
    found = lines(out)
    assert [row["row"] for row in found] == list(range(2, 290))
    assert list(found[0]["sensors"]) == ["fridge", "freezer", "evap", "door"]
    assert {sensor["quality"] for row in found for sensor in row["sensors"].values()} == {"ok"}
    assert found[5]["sensors"]["door"]["value"] is False
    assert found[5]["sensors"]["fridge"]["value"] == float(fridge(6)[5][0])
    assert "no column for pan" in err and "a row each 300 s" in err and "no fault confirmed" in err


def test_a_warm_fridge_is_a_fault_with_its_evidence_and_code_1(tmp_path, capsys):
    cells = fridge(360)
    for row in cells[150:260]:
        row[0] = f"{float(row[0]) + 8:.2f}"
    assert run(["replay", fridge_file(tmp_path / "a.csv", cells), "--profile", "KF-320"]) == 1
    out, err = capsys.readouterr()
    changes = [change for row in lines(out) for change in row["faults"]["changed"]]
    assert [(change["code"], change["change"]) for change in changes] == [
        ("T01", "confirmed"),
        ("T01", "cleared"),
    ]
    evidence = changes[0]["evidence"]
    assert evidence["limit"] == 9 and evidence["min"] > 9 and evidence["sensors"] == ["fridge"]
    assert any(row["faults"]["active"] == [{"code": "T01", "text": changes[0]["text"]}] for row in lines(out))
    assert "faults confirmed: T01 1 time" in err


def test_a_lying_sensor_is_the_fault_and_not_the_fridge(tmp_path, capsys):
    cells = fridge(500)
    for row in cells[150:]:
        row[0] = "11.00"  # warm for ever, to the hundredth
    cells[100][1] = "80"
    assert run(["replay", fridge_file(tmp_path / "a.csv", cells), "--profile", "kf320"]) == 1
    found = lines(capsys.readouterr().out)
    assert found[-1]["sensors"]["fridge"] == {"quality": "stuck"}
    assert found[100]["sensors"]["freezer"] == {"quality": "out of range"}
    assert "S02" in [fault["code"] for fault in found[-1]["faults"]["active"]]


def test_a_door_and_a_wet_pan(tmp_path, capsys):
    rows = [[stamp(i, 60), "4", "closed", "dry"] for i in range(60)]
    for row in rows[20:30]:
        row[2] = "open"
    for row in rows[40:44]:
        row[3] = "wet"
    path = write(tmp_path / "a.csv", [",".join(row) for row in rows], "timestamp,fridge,door,pan")
    assert run(["replay", path, "--profile", "kf320"]) == 1
    changes = [
        (row["row"] - 2, c["code"], c["change"])
        for row in lines(capsys.readouterr().out)
        for c in row["faults"]["changed"]
    ]
    assert [change[1:] for change in changes] == [
        ("D01", "confirmed"), ("D01", "cleared"), ("L01", "confirmed"), ("L01", "cleared"),
    ]  # fmt: skip
    assert changes[2][0] == 40 and 44 <= changes[3][0] <= 45


def test_a_sensor_whose_cells_stay_empty_goes_stale_and_the_others_are_judged(tmp_path, capsys):
    cells = fridge(100)
    for row in cells[40:]:
        row[1] = ""
    path = fridge_file(tmp_path / "a.csv", cells)
    assert run(["replay", path, "--profile", "kf320"]) == 2
    assert "row 42: freezer: a value is missing" in capsys.readouterr().err
    assert run(["replay", path, "--profile", "kf320", "--lenient"]) == 0
    out, err = capsys.readouterr()
    found = lines(out)
    assert found[-1]["sensors"]["freezer"] == {"quality": "stale"}
    assert found[-1]["sensors"]["fridge"]["quality"] == "ok"
    assert "60 used in part" in err


def test_headings_of_the_field_and_a_file_of_another_step(tmp_path, capsys):
    rows = [f"{1772409600 + 60 * i};{4 + i % 3},5;0" for i in range(30)]
    path = write(tmp_path / "a.csv", rows, "Zeit;T1 [C];Tür")
    options = ["--column", "timestamp=zeit", "--column", "fridge=T1 [C]", "--column", "door=Tür"]
    assert run(["replay", path, "--profile", "kf320", *options]) == 0
    out, err = capsys.readouterr()
    assert lines(out)[1]["sensors"]["fridge"]["value"] == 5.5 and "a row each 60 s" in err


@pytest.mark.parametrize(
    "args, said",
    [
        (["--profile", "nope"], "no model nope"),
        (["--column", "value"], "NAME=HEADING"),
        (["--column", "value=missing"], "no column 'missing'"),
        (["--profile", "kf320"], "none of the columns"),
    ],
)
def test_wrong_use_is_told_in_two_lines(args, said, tmp_path, capsys):
    assert run(["replay", write(tmp_path / "a.csv", series(3)), *args]) == 2
    err = capsys.readouterr().err
    assert said in err and len(err.strip().splitlines()) == 2


def test_a_long_file_takes_no_more_memory_than_a_short_one(tmp_path):
    # A file's rows are generated as they are asked for; what is held is what lies between host and interpreter.
    from nameplate.replay.score import scores
    from nameplate.replay.table import Table
    from nameplate.replay.tally import Tally

    read = 0

    class Endless:
        def readline(self, _limit):
            nonlocal read
            read += 1
            return b"timestamp,value\n" if read == 1 else f"{read * 300},{read % 7}\n".encode()

    tally = Tally("endless", lambda text: None, lenient=False)
    given = 0
    for _ in scores(Table(Endless(), "endless"), tally, live=False):
        given += 1
        assert read - given < 300
        if given == 3000:
            break


def test_no_interpreter_is_told_with_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NAMEPLATE_MICROPYTHON", "/no/such/micropython")
    assert run(["replay", write(tmp_path / "a.csv", series(3)), "--score"]) == 2
    assert "/no/such/micropython" in capsys.readouterr().err


def test_an_interpreter_that_dies_is_told(tmp_path, capsys, monkeypatch):
    fake = tmp_path / "micropython"
    fake.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("NAMEPLATE_MICROPYTHON", str(fake))
    began = time.monotonic()
    assert run(["replay", write(tmp_path / "a.csv", series(3)), "--score"]) == 1
    assert "broken" in capsys.readouterr().err and time.monotonic() - began < 30


def test_the_guide_s_example_is_what_happens(tmp_path, capsys):
    guide = (Path(__file__).resolve().parents[2] / "docs/replay.md").read_text()
    program = guide.partition("```python\n")[2].partition("```")[0]
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (tmp_path / "log.csv").write_text(made.stdout)
    options = ["--profile", "kf320", "--column", "fridge=T1 [C]", "--column", "freezer=T2 [C]"]
    assert run(["replay", str(tmp_path / "log.csv"), *options]) == 1
    out, err = capsys.readouterr()
    assert err in guide
    # What the score says of them may change with the score; what was found may not.
    changed = [line["row"] for line in lines(out) if line["faults"]["changed"]]
    assert changed == [502, 506, 947, 1123, 1446]
    assert all(f'"row":{row},' in guide for row in (947, 1446))
