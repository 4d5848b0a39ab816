"""Where a broker is and who we are to it, from one URL. The password never leaves this module in words."""

import os
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from nameplate.errors import USAGE, NameplateError

DEFAULT_URL = "mqtt://127.0.0.1:1883"
PASSWORD_VARIABLE = "NAMEPLATE_BROKER_PASSWORD"  # noqa: S105 where it is, not what it is
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker's address. `str()` shows it without the password."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """An address from mqtt://[user[:password]@]host[:port], or mqtts:// for TLS.

        Without a password in the URL the variable NAMEPLATE_BROKER_PASSWORD gives it. Raises NameplateError.
        """
        hint = "write it as mqtt://host:1883, or mqtts://user@host with the password in " + PASSWORD_VARIABLE
        parts = urlsplit(url if "://" in url else f"mqtt://{url}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        bad = parts.scheme not in _PORTS or parts.path not in ("", "/") or parts.query or parts.fragment
        if bad or not host:
            raise NameplateError("the broker's URL cannot be read", hint, USAGE)
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else os.environ.get(PASSWORD_VARIABLE)
        return cls(
            host, port or _PORTS[parts.scheme], parts.scheme == "mqtts", user, password if user else None
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for TLS, with the system's trusted roots; None without TLS."""
        return ssl.create_default_context() if self.tls else None

    def __str__(self) -> str:
        scheme = "mqtts" if self.tls else "mqtt"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{self.user + '@' if self.user else ''}{host}:{self.port}"
