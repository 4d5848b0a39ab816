"""The command itself: quick help, two lines for any failure, exit codes; whatever it prints cannot steer a terminal."""

from __future__ import annotations

import importlib
import subprocess
import sys
import unicodedata

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.cli import main
from nameplate.cli.output import clean
from nameplate.errors import NOT_REACHED, NameplateError


@pytest.fixture
def verb(monkeypatch, tmp_path):
    """Hang a verb made of the given body onto the command."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(body: str) -> None:
        name = f"verb_{len(list(tmp_path.iterdir()))}_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{name}.py").write_text(
            "import click\nfrom nameplate.errors import NameplateError\n\n"
            f"@click.command()\n@click.option('--size', type=int)\ndef command(size):\n    {body}\n"
        )
        importlib.invalidate_caches()
        monkeypatch.setitem(main.VERBS, "find", (f"{name}:command", "A verb of this test."))

    return make


def test_help_lists_only_verbs_that_exist_and_imports_none_of_them():
    code = (
        "import sys\nfrom nameplate.cli.main import run\ncode = run(['--help'])\n"
        "print(code, sorted(m for m in sys.modules if m.startswith('nameplate.') and m.count('.') > 1))\n"
        "print('heavy', {'cryptography', 'rich', 'littlefs', 'jsonschema', 'paho', 'serial'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    *help_text, imported, heavy = done.stdout.splitlines()
    assert imported == "0 ['nameplate.cli.main', 'nameplate.cli.output']"
    assert heavy == "heavy set()"
    listed = {line.split()[0] for line in help_text if line[:2] == "  " and line[2:3].isalpha()}
    there = {
        name for name, (target, _) in main.VERBS.items() if importlib.util.find_spec(target.split(":")[0])
    }
    assert there <= listed
    assert not (set(main.VERBS) - there) & listed


@pytest.mark.parametrize("name", sorted(main.VERBS))
def test_every_listed_verb_is_a_command_with_help(name, capsys):
    if name not in main.command.list_commands(click.Context(main.command)):
        assert main.run([name]) == 2
        return
    assert main.run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: nameplate {name}")


def test_a_failure_is_two_lines_and_its_exit_code(verb, capsys):
    verb("raise NameplateError('no board answers', 'plug it in', 3)")
    assert main.run(["find"]) == NOT_REACHED
    out, err = capsys.readouterr()
    assert (out, err) == ("", "nameplate: no board answers\n  plug it in\n")


def test_a_failure_without_a_hint_is_one_line(verb, capsys):
    verb("raise NameplateError('no board answers')")
    assert main.run(["find"]) == 1
    assert capsys.readouterr().err == "nameplate: no board answers\n"


def test_a_message_cannot_steer_the_terminal(verb, capsys):
    verb(r"raise NameplateError('serial \x1b[2J\x9b31m4F7\u202e\r\nroot#', 'look\x07 again')")
    main.run(["find"])
    assert capsys.readouterr().err == "nameplate: serial [2J31m4F7  root#\n  look again\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["--frobnicate"], "No such option"),
        (["find", "--size", "many"], "'many' is not a valid integer"),
        (["find", "extra"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_is_two_lines_and_exit_2(verb, capsys, args, said):
    verb("pass")
    assert main.run(args) == 2
    what, then = capsys.readouterr().err.splitlines()
    assert said in what
    assert "--help`" in then


def test_no_verb_shows_the_help_and_exits_2(capsys):
    assert main.run([]) == 2
    assert "Usage: nameplate" in capsys.readouterr().err


def test_a_defect_is_two_lines_with_a_traceback_only_on_request(verb, capsys, monkeypatch):
    verb("raise KeyError('lost')")
    assert main.run(["find"]) == 1
    first = capsys.readouterr().err
    assert first.startswith("nameplate: internal error: KeyError")
    assert len(first.splitlines()) == 2
    monkeypatch.setenv("NAMEPLATE_TRACEBACK", "1")
    main.run(["find"])
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_extra_names_the_command_that_mends_it(verb, capsys):
    verb("import a_package_nobody_has")
    assert main.run(["find"]) == 2
    what, then = capsys.readouterr().err.splitlines()
    assert "a_package_nobody_has" in what
    assert "pip install" in then


def test_an_unreadable_file_is_named(verb, capsys):
    verb("open('/nowhere/unit.json')")
    assert main.run(["find"]) == 2
    assert "/nowhere/unit.json: No such file" in capsys.readouterr().err


def test_a_full_disk_is_no_defect(verb, capsys):
    verb("raise OSError(28, 'No space left on device')")
    assert main.run(["find"]) == 2
    assert capsys.readouterr().err.splitlines()[0] == "nameplate: No space left on device"


def test_ctrl_c_is_one_word(verb, capsys):
    verb("raise KeyboardInterrupt")
    assert main.run(["find"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_a_verb_may_return_its_exit_code(verb):
    verb("return 1")
    assert main.run(["find"]) == 1


def test_a_reader_that_goes_away_is_no_error():
    """As `nameplate ... | head -1`: quiet, whether the pipe breaks in the verb or at exit."""
    code = (
        "import click, sys, types\nfrom nameplate.cli import main\n"
        "module = types.ModuleType('talkative')\nmodule.__spec__ = types.SimpleNamespace(name='talkative')\n"
        "sys.modules['talkative'] = module\n"
        "module.command = click.Command('find', callback=lambda: [print('x' * 9999) for _ in range(99)])\n"
        "main.VERBS['find'] = ('talkative:command', '')\nmain._exists = lambda target: True\nmain.main(['find'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) == 1


def test_python_dash_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "nameplate", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("nameplate, version ")


@settings(max_examples=200)
@given(st.text())
def test_clean_text_is_one_line_and_keeps_what_is_plain(text):
    shown = clean(text)
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in shown)
    assert not set(shown) & {chr(c) for c in (*range(32), *range(127, 160), 0x202E, 0x2028, 0x200F, 0xFEFF)}
    assert clean(shown) == shown
    plain = "".join(c for c in text if " " <= c <= "~")
    assert "".join(c for c in shown if " " < c <= "~") == plain.replace(" ", "")


def test_the_base_exception_carries_what_main_prints():
    error = NameplateError("what", "then", NOT_REACHED)
    assert (str(error), error.message, error.hint, error.exit_code) == ("what", "what", "then", 3)
