"""`nameplate find`: every board within reach, asked at the same time who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nameplate.cli.output import json_option, print_json, trust_option
from nameplate.errors import NOT_REACHED, NameplateError

if TYPE_CHECKING:
    from nameplate.link.base import Link
    from nameplate.link.discover import Answer, Candidate
    from nameplate.technician.reading import Reading


@click.command("find")
@trust_option
@click.option("--all", "every_port", is_flag=True, help="Ask the computer's built-in serial ports as well.")
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, help="Seconds.")
@json_option
def command(trust_file: str | None, every_port: bool, timeout: float, as_json: bool) -> int:
    """List the boards within reach, on USB serial ports and in running simulations.

    Ends with code 3 when there is none.
    """
    from nameplate.link.discover import NOTHING_HINT, ask_all, candidates, is_simulated
    from nameplate.link.rpc import Client
    from nameplate.technician.reading import take
    from nameplate.token.trust_file import find_trust

    trust = find_trust(trust_file)

    def ask(link: Link) -> Reading:
        return take(Client(link, timeout=timeout), trust, simulated=is_simulated(link.spec))

    answers = ask_all(candidates(every_port=every_port), ask, on_wait=_progress)
    found = sum(_is_board(answer) for answer in answers)
    if as_json:
        print_json({
            "boards": [_board(answer) for answer in answers if _is_board(answer)],
            "others": [_other(answer) for answer in answers if not _is_board(answer)],
        })  # fmt: skip
        return 0 if found else NOT_REACHED
    if answers:
        _show(answers)
    if not found:
        what = "no board answers" if answers else "no serial port and no running simulation"
        raise NameplateError(what, NOTHING_HINT, NOT_REACHED)
    return 0


def _progress(waiting: list[Candidate]) -> None:
    click.echo(f"still asking {', '.join(str(candidate.spec) for candidate in waiting)} ...", err=True)


def _is_board(answer: Answer[Reading]) -> bool:
    """Whether a Nameplate answered, be it with a refusal."""
    from nameplate.link.rpc import RpcError
    from nameplate.technician.reading import NotProvisioned

    return answer.result is not None or isinstance(answer.error, NotProvisioned | RpcError)


def _board(answer: Answer[Reading]) -> dict[str, Any]:
    row = {"port": str(answer.candidate.spec), "about": answer.candidate.about}
    reading = answer.result
    if reading is None:
        return {**row, "error": answer.error.message if answer.error else None}
    told = reading.to_json()
    return {
        **row,
        "simulated": told["simulated"],
        "seconds": told["seconds"],
        "ueid": told["ueid"],
        "serial": told["identity"]["serial"],
        "model": reading.model,
        "proved": told["proved"],
        "verdict": told["verdict"],
        "proof": told["proof"],
        "faults": [fault.code for fault in reading.faults],
    }


def _other(answer: Answer[Reading]) -> dict[str, Any]:
    error = answer.error
    assert error is not None
    return {
        "port": str(answer.candidate.spec),
        "about": answer.candidate.about,
        "error": error.message,
        "hint": error.hint,
    }


def _show(answers: list[Answer[Reading]]) -> None:
    rows = [("PORT", "SERIAL", "MODEL", "IDENTITY")]
    for answer in answers:
        port, reading, error = str(answer.candidate.spec), answer.result, answer.error
        if reading is not None:
            proof = reading.proof
            said = proof.state if proof.verdict in (None, "genuine") else f"{proof.state}: {proof.reason}"
            said += " (simulated)" if reading.simulated else ""
            rows.append((port, reading.said("identity", "serial") or "?", reading.model or "?", said))
        elif error is not None:
            about = f" ({answer.candidate.about})" if answer.candidate.about else ""
            rows.append((port, "-", "-", error.message.removeprefix(f"{port}: ") + about))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        fields = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*fields, row[3]]).rstrip())
