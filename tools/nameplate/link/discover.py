"""What boards are within reach: USB serial ports and running simulations, asked side by side."""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nameplate.errors import NOT_REACHED, USAGE, NameplateError
from nameplate.link import open_link
from nameplate.link.base import Link
from nameplate.link.rpc import Client
from nameplate.link.spec import Spec, parse
from nameplate.text import clean_line

Result = TypeVar("Result")

ASK_TIMEOUT_S = 3.0
NOTHING_HINT = "plug in a cable, or start a virtual board: `nameplate sim run UNIT.bin`"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that may lead to a board; `about` says in words what it is."""

    spec: Spec
    about: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[Result]):
    """What came of asking one candidate: a `result` or an `error`, after `seconds`."""

    candidate: Candidate
    result: Result | None
    error: NameplateError | None
    seconds: float


def candidates(*, every_port: bool = False) -> list[Candidate]:
    """The lines worth asking: USB serial ports, then running simulations.

    A computer's built-in ports are left out unless `every_port`: a board is never there, and a modem or a
    machine tool that is would be sent a line it did not expect.
    """
    return [*_serial_ports(every_port), *_simulations()]


def is_simulated(spec: Spec) -> bool:
    """Whether a running simulation of this computer is at the other end."""
    return any(candidate.spec == spec for candidate in _simulations())


def ask_all(
    those: Iterable[Candidate],
    ask: Callable[[Link], Result],
    *,
    on_wait: Callable[[list[Candidate]], None] | None = None,
    wait_s: float = 2.0,
) -> list[Answer[Result]]:
    """Open every candidate and `ask` it, all at the same time; the answers come in the candidates' order.

    `ask` keeps its own deadline. `on_wait` is told, once, after `wait_s` seconds, who has not answered yet.
    """
    those = list(those)
    answers: dict[int, Answer[Result]] = {}
    broken: list[Exception] = []

    def work(index: int, candidate: Candidate) -> None:
        try:
            answers[index] = _ask_one(candidate, ask)
        except Exception as error:  # noqa: BLE001 a fault of ours: raised again where it is seen
            broken.append(error)

    threads = [threading.Thread(target=work, args=item, daemon=True) for item in enumerate(those)]
    for thread in threads:
        thread.start()
    first_look = time.monotonic() + wait_s
    for thread in threads:
        thread.join(max(0.0, first_look - time.monotonic()))
    waiting = [those[index] for index, thread in enumerate(threads) if thread.is_alive()]
    if waiting and on_wait is not None:
        on_wait(waiting)
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return [answers[index] for index in range(len(those))]


def choose_port(port: str | None) -> Spec:
    """The line to use: the one named, else the only one there is, else the only one a Nameplate answers on.

    Raises NameplateError: nothing there (3), several boards (2, naming them), or none that answers (3).
    """
    if port:
        return parse(port)
    those = candidates()
    if len(those) == 1:
        return those[0].spec
    if not those:
        raise NameplateError("no serial port and no running simulation", NOTHING_HINT, NOT_REACHED)
    answers = ask_all(those, lambda link: Client(link, timeout=ASK_TIMEOUT_S).call("version"))
    boards = [str(answer.candidate.spec) for answer in answers if answer.error is None]
    if not boards:
        raise NameplateError(
            f"none of {len(those)} ports answers as a Nameplate", "see why: `nameplate find`", NOT_REACHED
        )
    if len(boards) > 1:
        raise NameplateError(f"{len(boards)} boards: {', '.join(boards)}", "name one of them", USAGE)
    return parse(boards[0])


def _ask_one(candidate: Candidate, ask: Callable[[Link], Result]) -> Answer[Result]:
    started = time.monotonic()
    try:
        link = open_link(candidate.spec)
        try:
            return Answer(candidate, ask(link), None, time.monotonic() - started)
        finally:
            link.close()
    except NameplateError as error:
        return Answer(candidate, None, error, time.monotonic() - started)


def _serial_ports(every_port: bool) -> Sequence[Candidate]:
    from serial.tools import list_ports

    ports = sorted(list_ports.comports(), key=lambda port: port.device)
    return [
        Candidate(Spec("serial", port.device), clean_line(port.description or "", 60))
        for port in ports
        if every_port or port.vid is not None
    ]


def _simulations() -> Sequence[Candidate]:
    if importlib.util.find_spec("nameplate.sim.registry") is None:
        return []  # installed without the simulator
    registry = importlib.import_module("nameplate.sim.registry")
    return [
        Candidate(parse(run.port), f"simulation {clean_line(run.name, 40)}") for run in registry.running()
    ]
