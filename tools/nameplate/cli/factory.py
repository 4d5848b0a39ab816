"""`nameplate factory`: images, the manufacturer's keys, units and their register."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nameplate.cli.factory_brokers import COMMANDS as BROKER_COMMANDS
from nameplate.cli.factory_image import command as image_command
from nameplate.cli.factory_trace import command as trace_command
from nameplate.cli.flash import command as flash_command
from nameplate.cli.output import clean, json_option, print_json, slow_progress
from nameplate.factory.refused import Refused
from nameplate.token.kinds import ROLES

if TYPE_CHECKING:
    from nameplate.factory.registry import Registry

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path)
_PSK_VARIABLE = "NAMEPLATE_WIFI_PSK"
_FORMATS = ("json", "mosquitto", "mosquitto-acl", "nats")


@click.group(name="factory")
def command() -> None:
    """Make images, manufacturer's keys and provisioned units."""


command.add_command(image_command)
command.add_command(flash_command)
command.add_command(trace_command)
for broker_command in BROKER_COMMANDS:
    command.add_command(broker_command)


@command.command()
@click.argument("directory", type=_FOLDER)
@click.option("--oem", help="The maker's name, as people know it.")
@click.option("--oemid", type=int, help="The maker's IANA Private Enterprise Number.")
@click.option(
    "--slot", type=click.IntRange(1, 2), default=1, show_default=True, help="2 adds keys beside the first."
)
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(ROLES), help="Only this role (default: all)."
)
@json_option
def keys(
    directory: Path, oem: str | None, oemid: int | None, slot: int, roles: tuple[str, ...], as_json: bool
) -> None:
    """Make the manufacturer's private keys in DIRECTORY, and trust.jwks with the public ones."""
    from nameplate.factory.keys import make_keys

    made = make_keys(directory, oem=oem, oemid=oemid, slot=slot, roles=roles or ROLES)
    if as_json:
        print_json({"directory": str(made.directory), "trust": str(made.trust), "kids": made.kids})
        return
    for name, kid in made.kids.items():
        click.echo(clean(f"{directory / name}  private, mode 0600, kid {kid}"))
    click.echo(clean(f"{made.trust}  public: give it to whoever verifies"))
    click.echo(
        "A factory line needs identity keys and trust.jwks only: keep the other private keys elsewhere."
    )


@command.command()
@click.option("--image", "image_file", required=True, type=_FILE, help="What `factory image` wrote.")
@click.option("--out", required=True, type=_FILE, help="The unit's new image: it holds the private key.")
@click.option("--keys", "keys_folder", required=True, type=_FOLDER, help="What `factory keys` made.")
@click.option(
    "--registry", required=True, type=_FILE, help="The register of units (SQLite; made when missing)."
)
@click.option(
    "--unit", "unit_file", type=_FILE, help="A JSON file with the fields below; options win over it."
)
@click.option("--serial", help="3 to 20 of A-Z 0-9 . / -")
@click.option("--made", metavar="DATE", help="YYYY-MM-DD")
@click.option("--model", help="Refuse an image of another model (such as KF-320).")
@click.option("--revision", help="Hardware revision, such as C.")
@click.option("--oem", help="Maker's name (default: the keys folder's).")
@click.option("--oemid", type=int, help="Maker's enterprise number (default: the keys folder's).")
@click.option(
    "--warranty", multiple=True, metavar="PART=MONTHS", help="Repeat it for each part, the general one first."
)
@click.option("--support-until", metavar="DATE", help="YYYY-MM-DD")
@click.option(
    "--report-url", metavar="URL", help="Where a finder may report a flaw, or a technician a claim."
)
@click.option("--wifi-ssid", help="Leave it out when Wi-Fi is set up later.")
@click.option("--wifi-psk", help=f"Shows in process lists: rather use the file or {_PSK_VARIABLE}.")
@click.option("--wifi-psk-file", type=_FILE, help="A file whose first line is the Wi-Fi password.")
@click.option("--wifi-open", is_flag=True, help="The network has no password.")
@click.option("--broker", "broker_url", metavar="URL", help="mqtts://HOST[:PORT], or mqtt:// without TLS")
@click.option("--broker-ca", metavar="FILE", help="The authority that signed the broker's certificate (EC).")
@click.option(
    "--client-cert", metavar="FILE", help="The unit's own certificate, for a broker that wants one."
)
@click.option("--client-key", metavar="FILE", help="The key of that certificate.")
@click.option(
    "--client-ca",
    metavar="DIR",
    help="Make and sign that certificate with the authority of `factory broker-ca`.",
)
@click.option("--period", "period_s", type=int, help="Seconds between heartbeats (default: 60).")
@click.option(
    "--ntp", metavar="NAME,NAME", help="Two time servers that must agree (default: two of pool.ntp.org)."
)
@click.option("--ueid", help="Give a known board a new identity.")
@click.option("--dev", is_flag=True, default=None, help="A development board: keeps its prompt, and says so.")
@json_option
def provision(
    image_file: Path,
    out: Path,
    keys_folder: Path,
    registry: Path,
    unit_file: Path | None,
    warranty: tuple[str, ...],
    wifi_psk: str | None,
    wifi_psk_file: Path | None,
    wifi_open: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Give one unit its identity, key and settings, and enter it in the register."""
    from nameplate.factory.provision import provision as make_unit
    from nameplate.factory.request import ProvisionRequest, read_unit_file

    started = time.monotonic()
    asked: dict[str, Any] = read_unit_file(unit_file) if unit_file else {}
    asked.update({name: value for name, value in given.items() if value is not None})
    if warranty:
        asked["warranty"] = _warranty(warranty)
    required = ("serial", "made", "revision", "warranty", "support_until", "report_url", "broker_url")
    missing = [name for name in required if name not in asked]
    if missing:
        raise Refused(
            f"missing: {', '.join(missing)}",
            "give each as an option or in --unit FILE; see `nameplate factory provision --help`",
        )
    asked["wifi_psk"] = _wifi_psk(asked, wifi_psk, wifi_psk_file, wifi_open)
    unit = make_unit(
        ProvisionRequest(**asked),
        image=image_file,
        out=out,
        keys=keys_folder,
        registry=registry,
        progress=slow_progress(),
    )
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        shown = {key: str(value) if isinstance(value, Path) else value for key, value in vars(unit).items()}
        del shown["broker_secret"]
        print_json({**shown, "seconds": seconds})
        return
    click.echo(clean(f"{unit.path}: {unit.model} serial {unit.serial}, in {seconds} s"))
    click.echo(f"ueid {unit.ueid}   key {unit.kid}")
    click.echo(f"sha256 {unit.sha256}   mode 0600: it holds the unit's private key")
    if unit.retired:
        click.echo(f'its earlier key {unit.retired} is out of use: add it to "revoked" in the trust file')


@command.command()
@click.option("--registry", required=True, type=_FILE, help="The register of units.")
@json_option
def units(registry: Path, as_json: bool) -> None:
    """List the units of a register, oldest first."""
    with _existing(registry) as register, register.exclusive():
        entries = register.units()
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    for entry in entries:
        at = datetime.fromtimestamp(entry.provisioned_at, UTC).strftime("%Y-%m-%d %H:%MZ")
        line = f"{entry.serial:<20} {entry.model:<16} rev {entry.revision:<8} made {entry.made}  {entry.ueid}  {at}"
        click.echo(clean(line))
    click.echo(f"{len(entries)} unit{'' if len(entries) == 1 else 's'}")


@command.command()
@click.option("--registry", required=True, type=_FILE, help="The register of units.")
@click.option(
    "--format", "form", required=True, type=click.Choice(_FORMATS), help="Which broker's configuration."
)
@click.option("--out", required=True, type=_FILE, help="The file to write, mode 0600; never the screen.")
def broker_users(registry: Path, form: str, out: Path) -> None:
    """Write the units' broker users and secrets as a broker's configuration."""
    from nameplate.factory.brokers import FORMATS
    from nameplate.factory.files import check_folder, write_atomic

    check_folder(out, "the users")
    with _existing(registry) as register, register.exclusive():
        users = register.broker_users()
    write_atomic(out, FORMATS[form](users).encode(), 0o600)
    click.echo(clean(f"{out}: {len(users)} users for {form}, mode 0600"))


def _existing(path: Path) -> Registry:
    from nameplate.factory.registry import Registry

    if not path.exists():
        raise Refused(f"no registry {path}", "it is made by the first `nameplate factory provision`")
    return Registry(path)


def _warranty(given: tuple[str, ...]) -> dict[str, int]:
    terms: dict[str, int] = {}
    for term in given:
        part, _, months = term.rpartition("=")
        if not part or not (months.isascii() and months.isdigit()) or len(months) > 4:
            raise Refused(f"warranty {term!r} is malformed", "it is PART=MONTHS, such as parts=24")
        if part in terms:
            raise Refused(f"warranty part {part!r} is given twice", "give each part once")
        terms[part] = int(months)
    return terms


def _wifi_psk(asked: dict[str, Any], psk: str | None, psk_file: Path | None, is_open: bool) -> str | None:
    """The Wi-Fi password: an option, else the unit file's, else the environment's, else asked for."""
    if (psk is not None) + (psk_file is not None) + is_open > 1:
        raise Refused("more than one of --wifi-psk, --wifi-psk-file, --wifi-open", "give one of them")
    if is_open or not asked.get("wifi_ssid"):
        return psk
    if psk_file is not None:
        return psk_file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    if psk is not None:
        return psk
    if "wifi_psk" in asked:
        return str(asked["wifi_psk"]) if asked["wifi_psk"] is not None else None
    if _PSK_VARIABLE in os.environ:
        return os.environ[_PSK_VARIABLE]
    if sys.stdin.isatty():
        return str(click.prompt(f"Wi-Fi password of {clean(asked['wifi_ssid'])}", hide_input=True, err=True))
    raise Refused(
        "no Wi-Fi password is given",
        f"use --wifi-psk-file, the environment's {_PSK_VARIABLE}, or --wifi-open",
    )
