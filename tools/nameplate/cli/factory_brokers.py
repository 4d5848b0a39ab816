"""`nameplate factory broker-...`: a broker's authority, certificates, and configuration for the units of a register."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nameplate.cli.output import clean
from nameplate.factory.refused import Refused

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("directory", type=_FOLDER)
@click.option("--name", default="Nameplate broker CA", show_default=True, help="What it calls itself.")
def broker_ca(directory: Path, name: str) -> None:
    """Make a private authority in DIRECTORY for the broker's certificates: ca.pem and ca-key.pem, on P-256."""
    from nameplate.factory.broker_tls import CA_FILE, CA_KEY_FILE, Authority

    made = Authority.make(directory, name)
    click.echo(
        clean(f"{directory / CA_FILE}  public: units and listeners get it, until {_end(made.certificate)}")
    )
    click.echo(clean(f"{directory / CA_KEY_FILE}  private, mode 0600: who has it can pose as the broker"))


@click.command()
@click.argument("authority", type=_FOLDER)
@click.option("--name", "names", multiple=True, help="A host name or IPv4 address of the broker; repeat it.")
@click.option("--user", help="Instead: a certificate for this user of the broker, such as a backend.")
@click.option("--out", required=True, type=_FILE, help="The certificate to write (PEM).")
@click.option(
    "--key-out", type=_FILE, help="Its key, mode 0600.  [default: beside it, with -key in its name]"
)
@click.option("--days", type=int, help="How long from today.  [default: 730 for a broker, 10950 for a user]")
def broker_cert(
    authority: Path,
    names: tuple[str, ...],
    user: str | None,
    out: Path,
    key_out: Path | None,
    days: int | None,
) -> None:
    """Sign a certificate with the authority in the folder AUTHORITY: for a broker (--name), or for a user of it (--user)."""
    from cryptography import x509

    from nameplate.factory.broker_tls import CLIENT_DAYS, SERVER_DAYS, Authority, write_pair

    if (user is None) == (not names):
        raise Refused(
            "neither or both of --name and --user are given", "a certificate is for the one or the other"
        )
    signer = Authority.load(authority)
    if user is None:
        pair = signer.server(names, days=SERVER_DAYS if days is None else days)
    else:
        pair = signer.client(user, days=CLIENT_DAYS if days is None else days)
    key = key_out or out.with_name(f"{out.stem}-key{out.suffix}")
    write_pair(pair, out, key)
    until = _end(x509.load_der_x509_certificate(pair.certificate))
    click.echo(clean(f"{out}  for {user or ', '.join(names)}, until {until}"))
    click.echo(clean(f"{key}  private, mode 0600"))


@click.command()
@click.argument("directory", type=_FOLDER)
@click.option("--broker", required=True, type=click.Choice(("nats", "mosquitto")), help="Which program.")
@click.option("--registry", required=True, type=_FILE, help="The register of units.")
@click.option(
    "--ca", "authority", type=_FOLDER, help="What `factory broker-ca` made; without it there is no TLS."
)
@click.option("--name", "names", multiple=True, help="A host name or IPv4 address of the broker; repeat it.")
@click.option(
    "--auth",
    type=click.Choice(("secret", "certificate")),
    default="secret",
    show_default=True,
    help="How units and backend prove who they are.",
)
@click.option("--backend", help="A user that reads all and publishes commands.")
@click.option("--address", default="0.0.0.0", show_default=True, help="Where it listens.")  # noqa: S104
@click.option("--port", type=click.IntRange(1, 65535), help="[default: 8883 with TLS, 1883 without]")
def broker_folder(
    directory: Path,
    broker: str,
    registry: Path,
    authority: Path | None,
    names: tuple[str, ...],
    auth: str,
    backend: str | None,
    address: str,
    port: int | None,
) -> None:
    """Write a broker's configuration for the units of a register into DIRECTORY; again, when units were added.

    Each unit may publish and subscribe under its own topics only. Secrets go into files of mode 0600, never to the screen.
    """
    from nameplate.factory.broker_folder import BrokerRequest, write_folder
    from nameplate.factory.registry import Registry

    if not registry.exists():
        raise Refused(f"no registry {registry}", "it is made by the first `nameplate factory provision`")
    with Registry(registry) as register, register.exclusive():
        users = register.broker_users()
    request = BrokerRequest(
        broker=broker,
        names=names,
        authority=authority,
        certificates=auth == "certificate",
        backend=backend,
        address=address,
        port=port,
    )
    config = write_folder(directory, users, request)
    click.echo(clean(f"{config}: {len(users)} unit{'' if len(users) == 1 else 's'}, by {auth}"))
    program = "nats-server" if broker == "nats" else "mosquitto"
    click.echo(clean(f"start it: {program} -c {config}; after a change: kill -HUP its process"))


def _end(certificate: Certificate) -> str:
    return str(certificate.not_valid_after_utc.date())


COMMANDS = (broker_ca, broker_cert, broker_folder)
