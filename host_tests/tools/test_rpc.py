"""Questions and answers over a line that loses, echoes and babbles."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.tools.scripted_board import Refusal, ScriptedBoard, rpc
from nameplate.errors import NOT_REACHED
from nameplate.link import open_link
from nameplate.link.base import LinkLost
from nameplate.link.rpc import MAX_REQUEST, Client, NotNameplate, RpcError, Silent, encode, find_reply

VERSION = {"version": lambda params: {"version": "0.1.0"}}


def ask(board, method="version", params=None, **options):
    link = open_link(board.spec)
    try:
        return Client(link, **{"timeout": 5, "resend": 0.2, **options}).call(method, params)
    finally:
        link.close()


def test_a_call_has_its_result():
    with ScriptedBoard(rpc({"read": lambda params: params})) as board:
        assert ask(board, "read", {"nonce": "abc"}) == {"nonce": "abc"}
    request = json.loads(board.lines[0])
    assert request["jsonrpc"] == "2.0"
    assert request["method"] == "read"


def test_an_error_is_raised_with_its_code_and_its_text_cleaned():
    def refuse(params):
        raise Refusal(-32001, "not provisioned: \x1b[31mdamaged")

    with ScriptedBoard(rpc({"read": refuse})) as board, pytest.raises(RpcError) as caught:
        ask(board, "read")
    assert (caught.value.code, caught.value.reason) == (-32001, "not provisioned: damaged")


@pytest.mark.parametrize(
    "noise",
    [
        b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n",
        b"\x00\xff\xfe\x80garbage\n",
        b"I (31) boot: ESP-IDF v5.2.2",  # not ended: the reply follows on the same line
        b'{"jsonrpc":"2.0","id":"another","result":{"version":"9"}}\n',
        b'{"jsonrpc":"2.0","result":1}\n[1,2]\n{"id":',
        b'{"temperature":4}{{{',
        b"{" * 5000 + b"\n",
        b"[" * 50_000 + b"\n",
    ],
)
def test_what_is_not_the_reply_is_ignored(noise):
    answer = rpc(VERSION)
    with ScriptedBoard(lambda line: noise + answer(line)) as board:
        assert ask(board) == {"version": "0.1.0"}


def test_an_echo_of_the_request_is_not_its_reply():
    answer = rpc(VERSION)
    with ScriptedBoard(lambda line: line + b"\r\n" + answer(line)) as board:
        assert ask(board) == {"version": "0.1.0"}


def test_a_lost_request_is_sent_again():
    answer = rpc(VERSION)
    with ScriptedBoard(lambda line: None if len(board.lines) < 3 else answer(line)) as board:
        assert ask(board) == {"version": "0.1.0"}
    assert len(board.lines) == 3


def test_half_a_line_on_the_board_is_ended_before_the_request():
    with ScriptedBoard(rpc(VERSION)) as board:
        link = open_link(board.spec)
        try:
            link.write(b"wif")
            assert Client(link, resend=5).call("version") == {"version": "0.1.0"}
        finally:
            link.close()
    assert board.lines[0] == b"wif"
    assert len(board.lines) == 2


def test_a_reply_cut_short_is_asked_for_again():
    answer = rpc(VERSION)
    with ScriptedBoard(lambda line: answer(line)[: 20 if len(board.lines) == 1 else None]) as board:
        assert ask(board) == {"version": "0.1.0"}
    assert len(board.lines) == 2


def test_silence_is_told_as_silence():
    with ScriptedBoard(lambda line: None) as board, pytest.raises(Silent) as caught:
        ask(board, timeout=0.5)
    assert caught.value.exit_code == NOT_REACHED
    assert "cable" in caught.value.hint


@pytest.mark.parametrize(
    ("says", "hint"),
    [
        (b"$GPGGA,123519,4807.038,N\r\n", "another device"),
        (b"MicroPython v1.29.0 on 2026-08-01\r\n>>> ", "MicroPython prompt"),
        (b">>> ", "MicroPython prompt"),
        (b"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13\r\n", "restart"),
        (b"\xfe\x80\x9c\xe0\xf8\x80\xfe\n", "speed"),
    ],
)
def test_an_answer_that_is_no_nameplates_is_told_apart_from_silence(says, hint):
    with ScriptedBoard(lambda line: says) as board, pytest.raises(NotNameplate) as caught:
        ask(board, timeout=0.5)
    assert caught.value.exit_code == NOT_REACHED
    assert hint in caught.value.hint
    assert all(line.isprintable() for line in caught.value.heard)


def test_a_board_pulled_while_it_is_asked_is_lost():
    with ScriptedBoard(lambda line: board.unplug()) as board, pytest.raises(LinkLost):
        ask(board)


def test_lines_that_are_no_reply_can_be_listened_to():
    answer = rpc(VERSION)
    heard = []
    with ScriptedBoard(lambda line: b"hello\r\n" + answer(line)) as board:
        ask(board, on_line=heard.append)
    assert heard == [b"hello"]


def test_a_request_longer_than_a_board_reads_is_not_sent():
    with pytest.raises(ValueError, match=str(MAX_REQUEST)):
        encode("np-1", "log", {"from": "x" * MAX_REQUEST})


def test_a_read_with_the_longest_nonce_fits_a_boards_receive_buffer():
    assert len(encode("np-0123456789ab", "read", {"nonce": "n" * 88})) < 256


@given(st.binary(max_size=300))
def test_no_line_makes_the_reader_fail(data):
    find_reply(data, "np-1")
    find_reply(b'np-1{"id":"np-1"' + data, "np-1")
