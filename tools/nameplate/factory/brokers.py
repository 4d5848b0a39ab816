"""The brokers' configuration for the units of a register: each unit may use its own topics and no other.

Mosquitto is given salted hashes. NATS compares plain text (or bcrypt, which the factory does not bring), and so is
the plain `json` form: files in those two hold the secrets themselves.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Sequence

from nameplate.factory.registry import Entry

Users = Sequence[tuple[Entry, str]]
# A secret has 192 random bits: the count need not slow down guessing, this is what mosquitto_passwd takes.
_ITERATIONS = 101
_SALT_BYTES = 12  # Mosquitto 2.0 refuses any other length
UP = ("identity", "heartbeat", "event", "status", "reply")


def _topics(entry: Entry) -> str:
    return f"nameplate/1/{entry.oemid}/{entry.ueid}"


def plain(users: Users) -> str:
    """A JSON list of user, secret and the prefix of the unit's topics, to make any broker's configuration from."""
    rows = [
        {"user": entry.broker_user, "secret": secret, "topics": _topics(entry)} for entry, secret in users
    ]
    return json.dumps(rows, indent=1) + "\n"


def mosquitto(users: Users) -> str:
    """A Mosquitto `password_file` (PBKDF2-SHA512 with a salt for each user)."""
    lines = []
    for entry, secret in users:
        salt = os.urandom(_SALT_BYTES)
        digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS)
        encoded = "$".join(base64.b64encode(part).decode() for part in (salt, digest))
        lines.append(f"{entry.broker_user}:$7${_ITERATIONS}${encoded}\n")
    return "".join(lines)


def mosquitto_acl(users: Users, backend: str | None = None) -> str:
    """A Mosquitto `acl_file`: patterns that hold for every unit of a manufacturer, whichever way it proved its name.

    `backend` is a user that reads all and writes commands, and nothing else.
    """
    makers = sorted({entry.oemid for entry, _ in users})
    lines = []
    if backend is not None:
        lines = [f"user {backend}\n", "topic read nameplate/1/#\n"]
        lines += [f"topic write nameplate/1/{oemid}/+/cmd\n" for oemid in makers] + ["\n"]
    lines += [
        f"pattern {access} nameplate/1/{oemid}/%u/{name}\n"
        for oemid in makers
        for access, name in [*(("write", name) for name in UP), ("read", "cmd")]
    ]
    return "".join(lines)


def nats(users: Users, backend: tuple[str, str] | None = None, certificates: bool = False) -> str:
    """An `authorization` block for nats-server, to be included in its configuration.

    `backend`: user and password of one that reads all and publishes commands. `certificates`: users are told by the
    common name of their certificate (`verify_and_map`), and have no password.
    """
    rows = [
        _nats_user(
            entry.broker_user,
            secret,
            certificates,
            {
                "publish": [f"{_topics(entry).replace('/', '.')}.{name}" for name in UP],
                "subscribe": [f"{_topics(entry).replace('/', '.')}.cmd"],
            },
        )
        for entry, secret in users
    ]
    if backend is not None:
        makers = sorted({entry.oemid for entry, _ in users})
        # `nameplate/1/#` is both to the server.
        permissions = {
            "publish": [f"nameplate.1.{oemid}.*.cmd" for oemid in makers],
            "subscribe": ["nameplate.1", "nameplate.1.>"],
        }
        rows.append(_nats_user(*backend, certificates, permissions))
    return f"authorization: {json.dumps({'users': rows}, indent=1)}\n"


def _nats_user(
    user: str, secret: str, certificates: bool, permissions: dict[str, list[str]]
) -> dict[str, object]:
    if certificates:
        return {"user": f"CN={user}", "permissions": permissions}
    return {"user": user, "password": secret, "permissions": permissions}


FORMATS: dict[str, Callable[[Users], str]] = {
    "json": plain,
    "mosquitto": mosquitto,
    "mosquitto-acl": mosquitto_acl,
    "nats": nats,
}
