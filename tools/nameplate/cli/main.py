"""The command `nameplate`: finds the verb, and turns every failure into two lines and an exit code.

Verbs live in their own modules and are imported only when they are run, so `nameplate --help` stays quick.
Exit codes: 0 fine, 1 a fault or a forgery was found, 2 usage, 3 not reached.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import traceback
from collections.abc import Sequence

import click

from nameplate.cli.output import clean
from nameplate.errors import FAULT_FOUND, USAGE, NameplateError

# verb -> (where its click command is, what it does). The sentence stands here so that help imports nothing.
VERBS: dict[str, tuple[str, str]] = {
    "find": (
        "nameplate.cli.find:command",
        "List the boards within reach: serial ports and running simulations.",
    ),
    "read": ("nameplate.cli.read:command", "Ask a board who it is and how it is, and check the proof."),
    "console": ("nameplate.cli.console:command", "Talk to a board's console."),
    "explain": (
        "nameplate.cli.explain:command",
        "Say what a fault code means, what to do and what to bring.",
    ),
    "verify": ("nameplate.cli.verify:command", "Check tokens offline, from a file or standard input."),
    "listen": ("nameplate.cli.listen:command", "Follow a broker and give every message its verdict."),
    "ask": ("nameplate.cli.ask:command", "Ask a board for its identity through the broker."),
    "replay": ("nameplate.cli.replay:command", "Run recorded data through the device's own code."),
    "demo": ("nameplate.cli.demo:command", "Show a virtual fridge that proves what it says."),
    "sim": ("nameplate.cli.sim:command", "Run a virtual board and change its world."),
    "factory": ("nameplate.cli.factory:command", "Make images, manufacturer's keys and provisioned units."),
    "dev": ("nameplate.cli.dev:command", "Work on a development board: new code, its log, its restart."),
    "bench": ("nameplate.cli.bench:command", "Measure, one JSON object a line."),
    "proof": ("nameplate.cli.proof:command", "Prove what README.md claims, and write it down."),
}

EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class LazyGroup(click.Group):
    """A click group that imports a verb's module only when that verb is run; absent modules are not listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb for verb, (target, _) in VERBS.items() if _exists(target)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS or not _exists(VERBS[cmd_name][0]):
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        verbs = [(verb, VERBS[verb][1]) for verb in self.list_commands(ctx)]
        if verbs:
            with formatter.section("Verbs"):
                formatter.write_dl(verbs)


def _exists(target: str) -> bool:
    return importlib.util.find_spec(target.partition(":")[0]) is not None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nameplate", prog_name="nameplate")
def command() -> None:
    """An appliance says who it is, and proves it."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command line (default: this process's) and exit with its code."""
    # A polite end unwinds like Ctrl-C does: brokers and boards that were started are stopped, their files removed.
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def _terminated(_number: int, _frame: object) -> None:
    raise SystemExit(EXIT_TERMINATED)


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error has been told in two lines on stderr."""
    try:
        code = command.main(args=list(argv), prog_name="nameplate", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except NameplateError as error:
        return _fail(error.message, error.hint, error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx else "nameplate"
        return _fail(error.format_message(), f"see `{asked} --help`", USAGE)
    except click.ClickException as error:
        return _fail(error.format_message(), "see `nameplate --help`", USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`): nothing to tell, and nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT_FOUND
    except ModuleNotFoundError as error:
        return _missing(error)
    except OSError as error:
        if error.strerror is None:
            return _crash(error)
        what = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
        return _fail(what, "check the path, its permissions and the free space", USAGE)
    except Exception as error:  # noqa: BLE001 the last net: whatever it is, it becomes two lines
        return _crash(error)


def _fail(message: str, hint: str, code: int) -> int:
    click.echo(f"nameplate: {clean(message)}", err=True)
    if hint:
        click.echo(f"  {clean(hint)}", err=True)
    return code


def _missing(error: ModuleNotFoundError) -> int:
    name = error.name or ""
    if name.partition(".")[0] == "nameplate":
        return _crash(error)
    return _fail(f"this verb needs the Python package {name}", "pip install 'nameplate[sim,factory]'", USAGE)


def _crash(error: Exception) -> int:
    if os.environ.get("NAMEPLATE_TRACEBACK"):
        traceback.print_exception(error)
    return _fail(
        f"internal error: {type(error).__name__}: {error}",
        "run it again with NAMEPLATE_TRACEBACK=1 and report what it prints",
        FAULT_FOUND,
    )


if __name__ == "__main__":
    main()
