"""What a device says of an exception is read back into the sources' files, lines and names; other words are left alone."""

from __future__ import annotations

import io
import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from host_tests.conftest import micropython_command
from host_tests.tools.test_bundle import image_of, write_tree
from nameplate.cli import main
from nameplate.dev import log
from nameplate.factory import sources
from nameplate.factory.code import Code
from nameplate.factory.trace import Trace, release

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "firmware/agent.py": '''
        """Has a docstring,
        of two lines."""

        import sys
        from lib import rare
        from firmware.deep import Wrong, fall

        # A comment that is not in the image.
        class Holder:
            def go_down(self, way):

                return fall(way)

        def attempt(way):
            if way == "rare":
                from firmware import losses
                losses.lose(
                    1,
                    2)
            elif way == "name":
                return undefined_thing
            elif way == "attribute":
                return Holder().missing_thing
            elif way == "argument":
                return attempt(wrong_word=1)
            return Holder().go_down(way)

        def run():
            for way in ("own", "nested", "rare", "name", "attribute", "argument"):
                try:
                    attempt(way)
                except Exception as error:
                    sys.print_exception(error)
            rare.forget(("firmware.losses",))
    ''',
    "firmware/deep.py": '''
        class Wrong(Exception):
            """Of ours."""

        def fall(way):
            """Down."""
            try:
                raise Wrong("way " + way)

            except Wrong:
                if way == "nested":
                    raise ValueError("fall attempt Wrong")  # the words of a message are nobody's names
                raise
    ''',
    "firmware/losses.py": '''
        def lose(one, two):
            print("losing",
                  one)
            return [one // 0 for _ in range(two)]
    ''',
}  # fmt: skip


def printed(folder: Path) -> str:
    """What it says of all its exceptions; a line of the shell between them is not of ours."""
    done = subprocess.run(
        [*micropython_command(), "-X", "heapsize=2m", "-c", "import sys\nsys.path[:]=['.', '.frozen']\nfrom firmware import app\napp.main()"],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_traceback_of_the_image_reads_like_one_of_the_sources(tmp_path):
    write_tree(tmp_path / "plain", FILES)
    code = image_of(tmp_path / "plain", tmp_path / "slot")
    plain = printed(tmp_path / "plain").replace('"./', '"')
    image = printed(tmp_path / "slot")
    assert image != plain and "firmware/deep.py" not in image and "go_down" not in image
    assert Trace(code).read(image) == plain
    assert plain.count("Traceback") == 6 and "Wrong: way own" in plain


def test_it_may_come_line_by_line_and_with_the_ends_of_a_serial_line(tmp_path):
    write_tree(tmp_path / "plain", FILES)
    code = image_of(tmp_path / "plain", tmp_path / "slot")
    image = printed(tmp_path / "slot").replace("\n", "\r\n")
    trace = Trace(code)
    whole = trace.read(image)
    assert whole.count("\r\n") == image.count("\r\n")
    again = Trace(code)
    assert "".join(again.read(line) for line in image.splitlines(keepends=True)) == whole
    assert [place.line for place in trace.places] == [place.line for place in again.places]
    first = trace.places[0]
    assert re.fullmatch(r"firmware\.\w+:\d+", first.image) and first.file.startswith("firmware/")


def test_a_statement_over_several_lines_is_told_by_its_first(tmp_path):
    write_tree(tmp_path, {"firmware/agent.py": "def run():\n    return (\n        1\n        // 0\n    )\n"})
    code = Code(tmp_path)
    (line,) = (line for line, _, at in code.lines()["firmware.agent"] if at == 2)
    assert 'agent.py", line 2, in' in Trace(code).read(f'  File "firmware.agent", line {line}, in x\n')


@pytest.fixture(scope="module")
def code() -> Code:
    return Code(ROOT)


def test_a_line_of_the_log_is_read(code):
    """What lib/trouble.py makes of an exception."""
    line, _, at = next(row for row in code.lines()["firmware.agent"] if row[1] == "firmware.uplink.mqtt")
    error = code.exported("firmware.uplink.mqtt", "LinkError")
    assert error == "LinkError"
    said = f"12 00:01 task uplink: {error}('no answer (yet) at all',) at firmware.agent:{line}, then {error}"
    read = Trace(code).read(said)
    assert (
        read
        == f"12 00:01 task uplink: LinkError('no answer (yet) at all',) at firmware/uplink/mqtt.py:{at}, then {error}"
    )


def test_other_words_stay(code):
    """Names of the image are words such as `start`: they are read only where they can be nothing else."""
    words = " ".join(sorted(code.names.renamed.values()))
    for text in (
        words,
        f"task uplink: {words} ended\n",
        'File "asyncio/core.py", line 1, in run_until_complete',
        'File "<stdin>", line 7, in e',
        "firmware.agent is at firmware.nothing:12, http://firmware.agent.example:80/",
        "firmware.agent:0",
        "TypeError",
        "12:30:11 e: f\n",
    ):
        trace = Trace(code)
        assert trace.read(text) == text
        assert trace.places == []


@pytest.fixture
def fault(code, tmp_path) -> tuple[Path, str]:
    """A file with a traceback of the image, and what it says."""
    line, _, at = next(row for row in code.lines()["firmware.app"] if row[1] == "firmware.board")
    path = tmp_path / "trace.txt"
    path.write_text(
        f'boot\nTraceback (most recent call last):\n  File "firmware.app", line {line}, in main\nOSError: [Errno 5] EIO\x1b[2J\n'
    )
    return (
        path,
        f'boot\nTraceback (most recent call last):\n  File "firmware/board.py", line {at}, in main\nOSError: [Errno 5] EIO',
    )


def test_the_verb_reads_a_file_and_says_whose_sources_it_read_with(fault, capsys):
    path, said = fault
    assert main.run(["factory", "trace", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(said) and "\x1b" not in out
    assert release(ROOT) in err and "swversion" in err


def test_the_verb_reads_standard_input(fault, capsys, monkeypatch):
    path, said = fault
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(path.read_bytes() + b"\xff")))
    assert main.run(["factory", "trace"]) == 0
    assert capsys.readouterr().out.startswith(said)


def test_the_verb_tells_machines_the_places(fault, capsys):
    path, said = fault
    assert main.run(["factory", "trace", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["firmware"] == release(ROOT) and told["text"].startswith(said)
    (place,) = told["places"]
    assert (
        place["file"] == "firmware/board.py"
        and place["name"] == "main"
        and place["image"].startswith("firmware.app:")
    )


def test_a_text_without_a_place_of_the_image_is_told(tmp_path, capsys):
    path = tmp_path / "other.txt"
    path.write_text("nothing of the kind\n")
    assert main.run(["factory", "trace", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == "nothing of the kind\n" and "no line of the image is in it" in err


def test_a_file_that_is_not_there_is_told(capsys):
    assert main.run(["factory", "trace", "/no/such/file"]) == 2
    assert "/no/such/file" in capsys.readouterr().err


def test_without_device_sources_it_is_refused(monkeypatch, tmp_path, fault, capsys):
    monkeypatch.setattr(sources, "_PACKAGE", tmp_path / "site" / "tools" / "nameplate")
    assert main.run(["factory", "trace", str(fault[0])]) == 2
    assert "device sources" in capsys.readouterr().err


def test_dev_log_reads_its_records(code, monkeypatch, capsys):
    line, _, at = next(row for row in code.lines()["firmware.app"] if row[1] == "firmware.board")
    entries = [log.Entry(f"stray task: OSError(5,) at firmware.app:{line}", 7), log.Entry("plain")]
    monkeypatch.setattr(log, "newest", lambda spec, first: iter(entries))
    assert main.run(["dev", "log", "tcp:127.0.0.1:1", "--once", "--trace"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"     7 stray task: OSError(5,) at firmware/board.py:{at}",
        "plain",
    ]
    assert main.run(["dev", "log", "tcp:127.0.0.1:1", "--once"]) == 0
    assert f"firmware.app:{line}" in capsys.readouterr().out
