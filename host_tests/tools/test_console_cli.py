"""The console: lines from a pipe, and a person at a prompt."""

import subprocess
import sys

import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from host_tests.tools.scripted_board import ScriptedBoard, rpc
from nameplate.cli.console import interactive, send_lines, words
from nameplate.errors import NOT_REACHED, NameplateError
from nameplate.link import open_link
from nameplate.link.base import LinkLost

METHODS = {"version": lambda params: {"version": "0.1.0"}}


def people_and_rpc(line):
    if line.startswith(b"{"):
        return rpc(METHODS)(line)
    said = {
        b"id": b"KF-320 serial 4F7-220918\r\n",
        b"sensors": b"pan \x1b[31mWET\x1b[0m ok\r\nfridge 4.8 C ok\r\n",
        b"consent": b"",
        b"help": b"help      this list\r\nid        who it is\r\nwarranty  what it covers\r\n",
    }
    return said.get(line, b"unknown command: try help\r\n")


def run(board, text, *options):
    return subprocess.run(
        [sys.executable, "-m", "nameplate", "console", board.spec, *options],
        input=text, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_lines_from_a_pipe_are_answered_and_the_command_ends():
    with ScriptedBoard(people_and_rpc) as board:
        done = run(board, b"id\n\nsensors\r\n")
    assert done.stdout.decode() == "KF-320 serial 4F7-220918\npan WET ok\nfridge 4.8 C ok\n"
    assert done.returncode == 0
    assert done.stderr == b""


def test_a_request_line_is_sent_as_it_is():
    asked = b'{"jsonrpc":"2.0","id":7,"method":"version"}'
    with ScriptedBoard(people_and_rpc) as board:
        done = run(board, asked)
    assert done.stdout == b'{"jsonrpc":"2.0","id":7,"result":{"version":"0.1.0"}}\n'
    assert board.lines[0] == asked


def test_a_line_without_an_answer_does_not_hold_up_the_next():
    shown = []
    with ScriptedBoard(people_and_rpc) as board:
        link = open_link(board.spec)
        send_lines(link, [b"consent\n", b"id\n"], shown.append)
        link.close()
    assert shown == ["KF-320 serial 4F7-220918"]


def test_a_board_that_does_not_answer_is_told_as_not_reached():
    with ScriptedBoard(lambda line: None) as board:
        link = open_link(board.spec)
        with pytest.raises(NameplateError) as caught:
            send_lines(link, [b"id\n"], print, timeout=0.2)
        link.close()
    assert caught.value.exit_code == NOT_REACHED


def test_a_port_that_is_not_there_is_told_in_two_lines():
    done = subprocess.run(
        [sys.executable, "-m", "nameplate", "console", "/dev/no-such-port"],
        input=b"", capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == NOT_REACHED
    assert done.stderr.decode().splitlines() == [
        "nameplate: serial:/dev/no-such-port: no such port",
        "  list what is there: `nameplate find`",
    ]


@pytest.fixture
def prompt():
    """(session, type): a prompt without a terminal, and how to type at it."""
    with create_pipe_input() as keyboard, create_app_session(keyboard, DummyOutput()):
        yield PromptSession(), keyboard.send_text


@pytest.fixture
def talk(prompt):
    """Run the console against a board until it leaves."""

    def run(board):
        link = open_link(board.spec)
        try:
            interactive(link, prompt[0])
        finally:
            link.close()

    return run


def typed(board):
    return [line for line in board.lines if not line.startswith(b"{") and line != b"help"]


@pytest.mark.parametrize("leave", ["\x04", "\x03"], ids=["ctrl-d", "ctrl-c"])
def test_a_person_types_and_leaves(prompt, talk, leave):
    keys = prompt[1]

    def answer(line):
        if line == b"id":
            keys(leave)
        return people_and_rpc(line)

    with ScriptedBoard(answer) as board:
        keys("id\r")
        talk(board)
    assert typed(board) == [b"id"]


def test_tab_completes_what_help_lists(prompt, talk):
    session, keys = prompt

    def answer(line):
        if line == b"warranty":
            keys("\x04")
        return people_and_rpc(line)

    def complete(buffer):
        if buffer.text == "warranty":
            keys("\r")

    session.default_buffer.on_text_changed += complete
    with ScriptedBoard(answer) as board:
        keys("warr\t")
        talk(board)
    assert typed(board) == [b"warranty"]


def test_a_board_pulled_ends_the_prompt(prompt, talk):
    def answer(line):
        if line == b"id":
            board.unplug()
            return None
        return people_and_rpc(line)

    with ScriptedBoard(answer) as board, pytest.raises(LinkLost):
        prompt[1]("id\r")
        talk(board)


def test_what_is_typed_is_kept_in_memory_only(prompt, talk):
    session, keys = prompt
    with ScriptedBoard(lambda line: keys("\x04") if line == b"id" else people_and_rpc(line)) as board:
        keys("id\r")
        talk(board)
    assert type(session.history) is InMemoryHistory
    assert session.history.get_strings() == ["id"]


def test_commands_are_found_in_help():
    told = [
        "id        who this is",
        "log       newest; log 120: from 120",
        "A line that starts with {",
        "? no",
        "",
    ]
    assert words(told) == ["id", "log"]
