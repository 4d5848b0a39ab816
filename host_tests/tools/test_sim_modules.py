"""The chip's modules: no name, argument or module that ESP32's stubs do not have, and values as on the chip."""

import ast
import json
from pathlib import Path

import pytest

from host_tests.sim_names import arguments, names, shim_arguments
from host_tests.stubs import RELEASES, stub_root
from host_tests.tools.sim_board import kinds, printed, running
from nameplate.sim.interpreter import SHIMS

# Names the interpreter has that a stub lacks, by module: gaps of the stubs, or what 1.23 did not have yet.
GAPS = {
    "tls": {"PROTOCOL_DTLS_CLIENT", "PROTOCOL_DTLS_SERVER"},
    "ssl": {"PROTOCOL_DTLS_CLIENT", "PROTOCOL_DTLS_SERVER", "tls"},
}
# Arguments the chip takes although no stub says so: a stream's write may be told how many bytes (umqtt does that).
TAKEN = {"socket.write": 2}
PORTS = {"_sys": "sys", "_micropython": "micropython"}  # what a file of ours stands for
MODULES = (
    "_onewire array binascii cmath cryptolib deflate ds18x20 errno esp esp32 framebuf gc hashlib heapq json machine math micropython network "
    "onewire os platform random re select socket ssl struct sys time tls uctypes vfs websocket"
).split()
LIST = """
import json
for name in %r:
    module = __import__(name)
    found = {}
    for item in dir(module):
        value = getattr(module, item)
        if item[0] != "_":
            found[item] = [inner for inner in dir(value) if inner[0] != "_"] if isinstance(value, type) else None
    print(name, json.dumps(found))
"""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str] | None]]:
    """Every public name of every module, as a program on the board sees it."""
    with running(tmp_path_factory.mktemp("names"), LIST % (MODULES,)) as board:
        assert board.wait(lambda board: "prompt" in kinds(board), 60_000)
        lines = [line.split(" ", 1) for line in printed(board) if "{" in line]
    return {name: json.loads(found) for name, found in lines}


@pytest.mark.parametrize("release", list(RELEASES))
@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_no_name_that_the_stubs_lack(
    listed: dict[str, dict[str, list[str] | None]], module: str, release: str
) -> None:
    stub = names(stub_root(release), module)
    if stub is None:
        assert (module, release) == ("re", "1.23")  # that release's stubs have none of it
        return
    extra = {name for name in listed[module] if name not in stub} - GAPS.get(module, set())
    assert not extra
    for name, members in listed[module].items():
        known = stub.get(name)
        if members and known:
            assert not set(members) - set(known), f"{module}.{name}"


@pytest.mark.parametrize(
    "module",
    "_onewire ds18x20 esp esp32 machine network onewire os platform select socket time _sys _micropython".split(),
)
def test_a_function_takes_no_argument_that_the_newest_stubs_lack(module: str) -> None:
    ours = shim_arguments(ast.parse((SHIMS / f"{module}.py").read_text()))
    assert ours
    for name, mine in ours.items():
        theirs = arguments(stub_root("1.29"), PORTS.get(module, module), name)
        assert theirs, f"{module}.{name} is in no stub"
        assert mine.positional <= max(TAKEN.get(name, 0), *(one.positional for one in theirs)), name
        allowed = set().union(*(one.keywords for one in theirs))
        extra = {
            keyword for keyword in mine.keywords if keyword not in allowed and not keyword.startswith("_")
        }
        assert not extra or any(one.any_keyword for one in theirs), f"{module}.{name}: {extra}"


@pytest.mark.parametrize(
    "module", "ffi termios argparse _core _flash _start jni btree pyb bluetooth _thread mip".split()
)
def test_a_module_the_virtual_chip_has_not_is_refused(tmp_path: Path, module: str) -> None:
    main = f"try: import {module}\nexcept ImportError as error: print(error)\n"
    with running(tmp_path, main) as board:
        board.run(100)
        assert printed(board)[0] == f"no module named '{module}'"


def test_the_hosts_files_and_functions_are_out_of_reach(tmp_path: Path) -> None:
    main = """
import os, sys, vfs, gc, io, time, micropython
for attempt in (
    lambda: open("/etc/passwd"), lambda: os.stat("/etc"), lambda: os.system("true"), lambda: os.getenv("HOME"),
    lambda: vfs.VfsPosix, lambda: sys.exc_info(), lambda: time.clock(), lambda: sys.executable, lambda: open(0),
    lambda: micropython.mem_total(), lambda: time.sleep_ms(ms=5), lambda: time.tick(),
):
    try: print("got", attempt())
    except (OSError, AttributeError, TypeError) as error: print(type(error).__name__)
"""
    with running(tmp_path, main) as board:
        board.run(200)
        lines = printed(board)
        assert "got" not in "".join(lines[:12])
        assert lines[:5] == ["OSError", "OSError", "AttributeError", "AttributeError", "AttributeError"]


def test_old_names_lead_to_the_same_modules(tmp_path: Path) -> None:
    main = """
import usocket, ustruct, ubinascii, utime, umachine, uos, ujson, uasyncio, sys
import socket, struct, binascii, time, machine, os, json
print([usocket is socket, ustruct is struct, ubinascii is binascii, utime is time, umachine is machine, uos is os])
print(ujson.loads("[1]"), sys.platform, sys.implementation._machine, os.uname().machine)
"""
    with running(tmp_path, main) as board:
        board.run(200)
        machine = "Generic ESP32 module with ESP32"
        assert printed(board)[:2] == [
            "[True, True, True, True, True, True]",
            f"[1] esp32 {machine} {machine}",
        ]


def test_error_numbers_are_newlibs(tmp_path: Path) -> None:
    # Written errno.NAME in a source file, the host's compiler puts its own number there: see docs/simulator.md.
    main = "from errno import *\nprint(ETIMEDOUT, EINPROGRESS, ECONNRESET, errorcode[118])\n"
    with running(tmp_path, main) as board:
        board.run(100)
        assert printed(board)[0] == "116 119 104 EHOSTUNREACH"


def test_dates_agree_with_the_interpreters_own(tmp_path: Path) -> None:
    main = """
import time
bad = 0
for day in range(-400, 36525, 13):
    moment = day * 86400 + day * 7919 % 86400
    if time.mktime(time.gmtime(moment)) != moment: bad += 1
print(bad, time.mktime((2026, 11, 24, 9, 0, 0, 0, 0)), time.mktime((2000, 1, 1, 0, 0, 0, 0, 0)))
print(time.gmtime(0), time.localtime(789123456))
print(time.mktime((2024, 14, 1, 0, 0, 0, 0, 0)) == time.mktime((2025, 2, 1, 0, 0, 0, 0, 0)))
"""
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: "prompt" in kinds(board), 60_000)
        assert printed(board)[:3] == [
            "0 848826000 0",
            "(2000, 1, 1, 0, 0, 0, 5, 1) (2025, 1, 2, 8, 57, 36, 3, 2)",
            "True",
        ]


def test_what_is_imported_costs_the_program_little(tmp_path: Path) -> None:
    main = """
import gc
gc.collect()
before = gc.mem_free()
import machine, network, socket, esp32, select, os, time, asyncio, onewire, ds18x20
from umqtt.simple import MQTTClient
gc.collect()
print(before - gc.mem_free())
"""
    with running(tmp_path, main) as board:
        board.run(200)
        assert int(printed(board)[0]) < 4000
