"""Where a broker is, whom we take for it and who we are to it. The password never leaves this module in words."""

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nameplate.errors import USAGE, NameplateError

DEFAULT_URL = "mqtt://127.0.0.1:1883"
PASSWORD_VARIABLE = "NAMEPLATE_BROKER_PASSWORD"  # noqa: S105 where it is, not what it is
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for mqtts://: the authority to believe (None: this system's), and our own certificate and key."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """The context for TLS, which checks the broker's certificate and name. Raises NameplateError."""
        if (self.certificate is None) != (self.key is None):
            raise NameplateError(
                "a client certificate and its key go together", "give --client-cert and --client-key", USAGE
            )
        path = self.ca
        try:
            context = ssl.create_default_context(cafile=None if path is None else str(path))
            if self.certificate is not None and self.key is not None:
                path = self.certificate
                context.load_cert_chain(path, self.key, password="")  # asks nobody for a passphrase
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not in PEM"
            raise NameplateError(
                f"{path} cannot be used for TLS: {why}", "give the right file", USAGE
            ) from error
        return context


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker's address. `str()` shows it without the password."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    files: TlsFiles = field(default_factory=TlsFiles)

    @classmethod
    def parse(cls, url: str, files: TlsFiles | None = None) -> "BrokerAddress":
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
        tls = parts.scheme == "mqtts"
        if files is not None and files != TlsFiles() and not tls:
            raise NameplateError(
                "certificates are given for a broker without TLS", "write it as mqtts://", USAGE
            )
        return cls(
            host,
            port or _PORTS[parts.scheme],
            tls,
            user,
            password if user else None,
            files or TlsFiles(),
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for TLS; None without TLS. Raises NameplateError for files that cannot be used."""
        return self.files.context() if self.tls else None

    def __str__(self) -> str:
        scheme = "mqtts" if self.tls else "mqtt"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{self.user + '@' if self.user else ''}{host}:{self.port}"
