"""What went wrong with a flash, in plain words: what happened, the state of the board, what to do next."""

from __future__ import annotations

import re

from nameplate.errors import FAULT_FOUND, NOT_REACHED, USAGE, NameplateError
from nameplate.factory.flash_esptool import Heard, Run
from nameplate.link import base
from nameplate.link.spec import Spec

INTERRUPTED = 130

# A board's boot ROM cannot be written, so a flash can always be begun again.
AGAIN = "nothing is broken: run it again, as often as it takes; it writes all of it again"
_UNTOUCHED = "the board is as it was"
DOWNLOAD_MODE = "hold BOOT, press EN (RST) for a moment, let BOOT go, and run it again"

_NAMES = {"esp32": "ESP32"}
_WRONG_CHIP = re.compile(r"This chip is (\S+), not (\S+?)\. ")
_TOO_SMALL = re.compile(r"\(length (\d+)\) at offset (0x[0-9a-f]+) will not fit in (\d+) bytes of flash")
_REVISION = re.compile(r"requires chip revision (.*?)(?:\. Use --force|$)", re.MULTILINE)
_OPEN_FAILED = re.compile(r"Could not open .*?\n\(\[Errno (\d+)\]")
_LOCKED = re.compile(
    r"Secure Boot V1 detected|[Ff]lash encryption (?:with|enabled|and)|Detected flash encryption"
)
_LINE_GONE = re.compile(
    r"serial exception error|Input/output error|readiness to read but returned no data|No more data to read"
    r"|device disconnected|Device not configured|ClearCommError|No such device|PermissionError\(13"
)
_BAUD_REFUSED = re.compile(r"Failed to set baud rate (\d+)")


class FlashError(NameplateError):
    """A flash that did not happen, or not wholly.

    `reason` is a word for programs: wrong-chip, no-answer, lost, flash-too-small, flash-size, chip-revision, locked, not-verified,
    baud, interrupted, foreign-chip, failed. `state` says of the board: untouched, half-written or written.
    """

    def __init__(self, reason: str, state: str, message: str, hint: str, exit_code: int) -> None:
        super().__init__(message, hint, exit_code)
        self.reason = reason
        self.state = state


def chip_name(chip: str) -> str:
    """A chip as its maker spells it: `esp32c3` is ESP32-C3."""
    return _NAMES.get(chip) or re.sub(r"^ESP32(?=[A-Z])", "ESP32-", chip.upper())


def explain(run: Run, spec: Spec, chip: str, end: int) -> NameplateError:
    """The error that a failed run means. `chip` and `end` (address of the last byte, plus one) are the file's."""
    heard, words = run.heard, run.words
    if heard.foreign:
        return FlashError(
            "foreign-chip",
            "untouched",
            f"{spec}: the board's chip is none that esptool knows; the file is for the {chip_name(chip)}",
            f"{_UNTOUCHED}; write it to a board with that chip",
            USAGE,
        )
    if match := _WRONG_CHIP.search(words):
        return FlashError(
            "wrong-chip",
            "untouched",
            f"{spec}: the board is an {match[1]}, the file is for the {chip_name(chip)}",
            f"{_UNTOUCHED}; make an image for its chip: `nameplate factory image --base` with a MicroPython for the {match[1]}",
            USAGE,
        )
    if match := _OPEN_FAILED.search(words):
        return base.open_error(spec, OSError(int(match[1]), ""))
    if "Could not exclusively lock port" in words or "the port is busy" in words:
        return base.busy(spec)
    if not heard.writing:
        return _before_writing(words, spec, heard)
    return _while_writing(words, spec, heard, end)


def _before_writing(words: str, spec: Spec, heard: Heard) -> NameplateError:
    if match := _TOO_SMALL.search(words):
        needs = (int(match[1]) + int(match[2], 16)) // 1024
        return FlashError(
            "flash-too-small",
            "untouched",
            f"{spec}: the board has {int(match[3]) // 1024} KiB of flash, the file needs {needs} KiB",
            f"{_UNTOUCHED}; it takes a module with 4 MiB or more",
            USAGE,
        )
    if match := _REVISION.search(words):
        return FlashError(
            "chip-revision",
            "untouched",
            f"{spec}: the file's MicroPython wants chip revision {match[1].strip()}",
            f"{_UNTOUCHED}; take another board, or a MicroPython build for this revision as the base",
            USAGE,
        )
    if _LOCKED.search(words):
        return FlashError(
            "locked",
            "untouched",
            f"{spec}: the board's eFuses are set for secure boot or flash encryption",
            f"{_UNTOUCHED}; a stock MicroPython cannot run there",
            USAGE,
        )
    if match := _BAUD_REFUSED.search(words):
        return FlashError(
            "baud",
            "untouched",
            f"{spec}: this port cannot do {match[1]} baud",
            f"{_UNTOUCHED}; run it again with --baud 115200",
            USAGE,
        )
    if heard.chip == "" and "Failed to connect" in words:
        return _no_answer(words, spec)
    if _LINE_GONE.search(words):
        return FlashError(
            "lost",
            "untouched",
            f"{spec}: the line was lost before anything was written",
            f"{_UNTOUCHED}; plug it in again, then run it again",
            NOT_REACHED,
        )
    return FlashError(
        "failed",
        "untouched",
        f"{spec}: esptool gave up before anything was written: {last_words(words)}",
        f"{_UNTOUCHED}; try --baud 115200, another cable, another USB port",
        NOT_REACHED,
    )


def _no_answer(words: str, spec: Spec) -> FlashError:
    if "Download mode successfully detected" in words:
        what = "the board is in download mode, but does not hear us"
        hint = "check the wire to its RX pin, or try another cable"
    elif "Wrong boot mode detected" in words:
        what, hint = "the board started its program instead of download mode", DOWNLOAD_MODE
    else:
        what = "nothing answers"
        hint = f"{DOWNLOAD_MODE}; else try another cable (some only carry power)"
    return FlashError("no-answer", "untouched", f"{spec}: {what}", hint, NOT_REACHED)


def _while_writing(words: str, spec: Spec, heard: Heard, end: int) -> FlashError:
    if "MD5 of file does not match" in words or "written flash region is empty" in words:
        return FlashError(
            "not-verified",
            "half-written",
            f"{spec}: what the flash holds is not what was written",
            "run it again with --baud 115200; if that fails too, the board's flash is worn out: do not ship it",
            FAULT_FOUND,
        )
    if "Cannot verify written data" in words:
        return FlashError(
            "not-verified",
            "written",
            f"{spec}: written, but the board's eFuses forbid reading it back",
            "nothing says that it is whole: do not ship it",
            FAULT_FOUND,
        )
    how = f"{half_written(heard, end)}; {AGAIN}"
    if _LINE_GONE.search(words):
        return FlashError(
            "lost",
            "half-written",
            f"{spec}: the line was lost while writing (cable pulled?)",
            how,
            NOT_REACHED,
        )
    return FlashError(
        "failed",
        "half-written",
        f"{spec}: esptool gave up while writing: {last_words(words)}",
        f"{how}, with --baud 115200 or another cable",
        NOT_REACHED,
    )


def other_size(spec: Spec, has: int, needs: int) -> FlashError:
    """The error for a board whose flash is not as large as the file's, which it must be."""
    size = f"{has // 1024} KiB of flash" if has else "a flash whose size it does not tell"
    return FlashError(
        "flash-size",
        "untouched",
        f"{spec}: the board has {size}, the file is for {needs // 1024} KiB exactly",
        f"{_UNTOUCHED}; build the image with `nameplate factory image --base` for a flash of that size",
        USAGE,
    )


def half_written(heard: Heard, end: int) -> str:
    """The state of a board whose writing stopped."""
    if heard.step.address >= end:
        return "all is written, but not checked"
    return f"the flash is written up to {heard.step.address:#x} of {end:#x}, and the board does not start until it is whole"


def interrupted(spec: Spec, heard: Heard, end: int) -> FlashError:
    """The error for a person who pressed Ctrl-C."""
    if not heard.writing:
        return FlashError(
            "interrupted",
            "untouched",
            f"{spec}: stopped before anything was written",
            _UNTOUCHED,
            INTERRUPTED,
        )
    state = "half-written"
    return FlashError(
        "interrupted", state, f"{spec}: stopped", f"{half_written(heard, end)}; {AGAIN}", INTERRUPTED
    )


def last_words(words: str) -> str:
    """The last thing that esptool said of its trouble, on one line."""
    lines = [
        line for line in words.splitlines() if not re.match(r"(Note|NOTE|WARNING|For troubleshooting)", line)
    ]
    said = next(
        (line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "it said nothing"
    )
    return re.sub(r"^(ERROR: )?(A fatal error occurred: )?", "", said)[:200]
