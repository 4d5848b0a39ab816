"""The register of units: one SQLite file that refuses a serial twice, and a second one with the brokers' secrets.

A unit is entered as pending, its image is renamed into place, and only then it counts. Whoever finds a pending
unit whose maker is gone decides by the image: there with the right hash, the unit counts; else it never was.
The brokers' secrets lie in a file of their own (`FILE.broker`, mode 0600), because the register may be shown around.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Self

from nameplate.factory.files import check_folder
from nameplate.factory.refused import Refused

_APPLICATION_ID = 0x4E504C54  # "NPLT"
_VERSION = 1
_SCHEMA = """
CREATE TABLE units (
    kid TEXT PRIMARY KEY,
    ueid TEXT NOT NULL,
    serial TEXT NOT NULL,
    model TEXT NOT NULL,
    oemid INTEGER NOT NULL,
    revision TEXT NOT NULL,
    made TEXT NOT NULL,
    binding TEXT NOT NULL,
    identity TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    broker_user TEXT NOT NULL,
    provisioned_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'replaced')),
    image TEXT,
    temporary TEXT,
    replaces TEXT REFERENCES units (kid)
);
CREATE UNIQUE INDEX live_serial ON units (serial) WHERE state <> 'replaced';
CREATE UNIQUE INDEX live_ueid ON units (ueid) WHERE state <> 'replaced';
"""
_SECRETS = "CREATE TABLE IF NOT EXISTS broker.secrets (kid TEXT PRIMARY KEY, secret TEXT NOT NULL)"


@dataclass(frozen=True)
class Entry:
    """What the register keeps of a unit, all of it public: no key, no password, no secret.

    `kid` names the device's key; `binding` and `identity` are compact JWS; `sha256` is that of the unit's image;
    `provisioned_at` is Unix seconds.
    """

    kid: str
    ueid: str
    serial: str
    model: str
    oemid: int
    revision: str
    made: str
    binding: str
    identity: str
    sha256: str
    broker_user: str
    provisioned_at: int


_COLUMNS = ", ".join(f.name for f in fields(Entry))


class Registry:
    """An open register; use it as a context manager. The file is made when it does not exist."""

    def __init__(self, path: Path) -> None:
        """Raises Refused when `path` is another file, or its folder does not exist."""
        self.path = path
        self.secrets_path = path.with_name(path.name + ".broker")
        check_folder(path, "the registry")
        hint = "give a registry of units, or a new file, that may be written"
        try:
            self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
        except sqlite3.Error as error:
            raise Refused(f"cannot use {path} as a registry: {error}", hint) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._database.close()
            raise Refused(f"cannot use {path} as a registry: {error}", hint) from error
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def _prepare(self) -> None:
        os.close(os.open(self.secrets_path, os.O_RDWR | os.O_CREAT, 0o600))
        self.secrets_path.chmod(0o600)
        self._database.execute("ATTACH DATABASE ? AS broker", (str(self.secrets_path),))
        self._database.execute(
            "PRAGMA broker.secure_delete = ON"
        )  # a retired secret is overwritten, not just unlinked
        with self._transaction():
            (application,) = self._database.execute("PRAGMA main.application_id").fetchone()
            (tables,) = self._database.execute("SELECT count(*) FROM main.sqlite_master").fetchone()
            if application != _APPLICATION_ID and tables:
                raise Refused(f"{self.path} is another program's database", "give the right file")
            self._database.execute(_SECRETS)
            if application == _APPLICATION_ID:
                return
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA main.application_id = {_APPLICATION_ID}")
            self._database.execute(f"PRAGMA main.user_version = {_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from entering units; first settle what a dead one left pending.

        The lock is on the folder, not the file: closing a second handle of the file would drop SQLite's own locks.
        """
        folder = os.open(self.path.absolute().parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self._settle()
            try:
                yield
            finally:
                self._settle()
        finally:
            os.close(folder)

    def refuse_taken(self, serial: str, ueid: str | None) -> None:
        """Raise Refused when `serial` belongs to another unit, or the board `ueid` to another serial."""
        found = self._database.execute(
            "SELECT serial, ueid FROM units WHERE state = 'done' AND (serial = ? OR ueid = ?)", (serial, ueid)
        )
        for held_serial, held_ueid in found.fetchall():
            if held_ueid != ueid:
                raise Refused(
                    f"serial {serial} is already provisioned, as ueid {held_ueid}",
                    "give the next serial; to make this unit anew, give its --ueid",
                )
            if held_serial != serial:
                raise Refused(
                    f"the board {ueid} is already provisioned, as serial {held_serial}",
                    "a board keeps its serial: give that one, or leave out --ueid for a new board",
                )

    def enter(self, entry: Entry, secret: str, image: Path, temporary: Path) -> str | None:
        """Enter a unit as pending until `temporary` has been renamed to `image`; call inside `exclusive`.

        Returns the kid of the entry it replaces (same board, same serial), or None. Raises Refused when
        the serial or the board is taken.
        """
        self.refuse_taken(entry.serial, entry.ueid)
        row = (*astuple(entry), str(image.absolute()), str(temporary.absolute()))
        marks = ", ".join("?" * len(row))
        with self._transaction():
            replaced = self._database.execute(
                "SELECT kid FROM units WHERE ueid = ? AND state = 'done'", (entry.ueid,)
            ).fetchone()
            self._database.execute(
                "UPDATE units SET state = 'replaced' WHERE ueid = ? AND state = 'done'", (entry.ueid,)
            )
            self._database.execute(
                f"INSERT INTO units ({_COLUMNS}, image, temporary, state, replaces) VALUES ({marks}, 'pending', ?)",
                (*row, replaced[0] if replaced else None),
            )
            self._database.execute("INSERT INTO broker.secrets VALUES (?, ?)", (entry.kid, secret))
        return replaced[0] if replaced else None

    def _settle(self) -> None:
        pending = self._database.execute(
            "SELECT kid, image, temporary, sha256, replaces FROM units WHERE state = 'pending'"
        ).fetchall()
        for kid, image, temporary, sha256, replaces in pending:
            written = _sha256(Path(image)) == sha256
            Path(temporary).unlink(missing_ok=True)
            with self._transaction():
                if written:
                    self._database.execute(
                        "UPDATE units SET state = 'done', image = NULL, temporary = NULL WHERE kid = ?",
                        (kid,),
                    )
                    self._database.execute("DELETE FROM broker.secrets WHERE kid = ?", (replaces,))
                else:
                    self._database.execute("DELETE FROM units WHERE kid = ?", (kid,))
                    self._database.execute("DELETE FROM broker.secrets WHERE kid = ?", (kid,))
                    self._database.execute("UPDATE units SET state = 'done' WHERE kid = ?", (replaces,))

    def units(self) -> list[Entry]:
        """Every unit that counts, oldest first."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM units WHERE state = 'done' ORDER BY provisioned_at, serial"
        )
        return [Entry(*row) for row in rows.fetchall()]

    def broker_users(self) -> list[tuple[Entry, str]]:
        """Every unit that counts with its broker secret, for writing a broker's configuration."""
        columns = ", ".join(f"units.{f.name}" for f in fields(Entry))
        rows = self._database.execute(
            f"SELECT {columns}, secret FROM units JOIN broker.secrets USING (kid) "
            "WHERE state = 'done' ORDER BY provisioned_at, serial"
        )
        return [(Entry(*row[:-1]), row[-1]) for row in rows.fetchall()]


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
