"""The broker's certificates: a private authority on a P-256 key, what it signs for brokers and clients, and what a unit is given.

A unit believes one authority and checks the broker's name. Its clock may be no better than the day its firmware was
built, so what is signed here begins on a fixed day before any firmware of ours; only the end is chosen.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nameplate.factory.files import check_folder, write_new
from nameplate.factory.refused import Refused

CA_FILE, CA_KEY_FILE = "ca.pem", "ca-key.pem"
BEGINS = datetime(2024, 1, 1, tzinfo=UTC)
CA_DAYS, SERVER_DAYS, CLIENT_DAYS = 30 * 365, 2 * 365, 30 * 365
# What fits a device's record with its frame.
DER_LIMIT = 2000
_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, in DER (the key as PKCS #8)."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Authority:
    """A private certificate authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def make(
        cls,
        directory: Path,
        name: str = "Nameplate broker CA",
        *,
        begins: datetime = BEGINS,
        days: int = CA_DAYS,
    ) -> Authority:
        """A new authority in the folder `directory`: ca.pem (public) and ca-key.pem (mode 0600). Raises Refused.

        It holds from `begins` until `days` from now.
        """
        if (directory / CA_FILE).exists() or (directory / CA_KEY_FILE).exists():
            raise Refused(
                f"{directory} already holds an authority", "it is never overwritten: choose a new folder"
            )
        if not directory.absolute().parent.is_dir():
            raise Refused(f"no folder {directory.absolute().parent}", "make it, or choose another place")
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            _builder(subject, subject, key.public_key(), begins, _end(days, None))
            .add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        made = cls(certificate, key)
        directory.mkdir(mode=0o755, exist_ok=True)
        write_new(directory / CA_KEY_FILE, _key_pem(key), 0o600)
        write_new(directory / CA_FILE, pem(certificate), 0o644)
        return made

    @classmethod
    def load(cls, directory: Path) -> Authority:
        """The authority of a folder that `make` made. Raises Refused."""
        certificate, key = _certificate(directory / CA_FILE), _key(directory / CA_KEY_FILE)
        _check_authority(directory / CA_FILE, certificate)
        _check_belongs(directory / CA_FILE, certificate, directory / CA_KEY_FILE, key)
        return cls(certificate, key)

    def server(
        self,
        names: Sequence[str],
        *,
        begins: datetime = BEGINS,
        days: int = SERVER_DAYS,
        now: datetime | None = None,
    ) -> Pair:
        """A broker's certificate for `names`: host names and IPv4 addresses. Raises Refused on a malformed one.

        It holds from `begins` until `days` after `now` (default: this computer's clock). An address goes in twice, as an
        address and as a name: the oldest builds of MicroPython look for names only.
        """
        if not names:
            raise Refused("the broker has no name", "give each name and address that units reach it by")
        alternatives: list[x509.GeneralName] = []
        for name in dict.fromkeys(name.lower() for name in names):
            if _is_ipv4(name):
                alternatives.append(x509.IPAddress(ipaddress.IPv4Address(name)))
            elif not _NAME.fullmatch(name):
                raise Refused(
                    f"{name!r} is neither a host name nor an IPv4 address", "write it as it is in the URL"
                )
            alternatives.append(x509.DNSName(name))
        return self._sign(
            names[0][:64],
            ExtendedKeyUsageOID.SERVER_AUTH,
            begins,
            _end(days, now),
            x509.SubjectAlternativeName(alternatives),
        )

    def client(self, name: str, *, begins: datetime = BEGINS, days: int = CLIENT_DAYS) -> Pair:
        """A client's certificate; its common name is the broker's user (a unit's is its ueid). Raises Refused."""
        if not _CLIENT.fullmatch(name):
            raise Refused(f"client name {name!r} is malformed", "it is 1 to 64 of A-Z a-z 0-9 _ -")
        return self._sign(name, ExtendedKeyUsageOID.CLIENT_AUTH, begins, _end(days, None), None)

    def _sign(
        self,
        name: str,
        use: x509.ObjectIdentifier,
        begins: datetime,
        ends: datetime,
        alternatives: x509.SubjectAlternativeName | None,
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            _builder(subject, self.certificate.subject, key.public_key(), begins, ends)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        )
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return Pair(der(certificate), _key_der(key))


def write_pair(pair: Pair, certificate: Path, key: Path) -> None:
    """Write a pair as two PEM files, the key with mode 0600. Raises Refused when either is there already."""
    for path in (certificate, key):
        check_folder(path, "it")
        if path.exists():
            raise Refused(f"{path} already exists", "keys and certificates are never overwritten")
    private = serialization.load_der_private_key(pair.key, password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    write_new(key, _key_pem(private), 0o600)
    write_new(certificate, pem(x509.load_der_x509_certificate(pair.certificate)), 0o644)


def der(certificate: x509.Certificate) -> bytes:
    """A certificate in DER, as a unit holds it."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate in PEM, as a broker reads it."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def read_ca(path: Path) -> bytes:
    """The DER of the authority in a PEM or DER file, as a unit is given it. Raises Refused, also for an RSA key."""
    certificate = _certificate(path)
    _check_authority(path, certificate)
    return _der(path, certificate)


def read_pair(certificate: Path, key: Path) -> Pair:
    """A client's certificate and key from PEM or DER files, as a unit is given them. Raises Refused."""
    found, private = _certificate(certificate), _key(key)
    _check_belongs(certificate, found, key, private)
    return Pair(_der(certificate, found), _key_der(private))


def _end(days: int, now: datetime | None) -> datetime:
    if not 1 <= days <= 100 * 365:
        raise Refused(f"{days} days is out of range", "give 1 to 36500")
    return (now or datetime.now(UTC)).replace(microsecond=0) + timedelta(days=days)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _key_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _is_ipv4(name: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(name)) == name
    except ValueError:
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(
            f"{path} cannot be read: {error.strerror or 'no such file'}", "check the path"
        ) from error


def _certificate(path: Path) -> x509.Certificate:
    data = _read(path)
    try:
        if b"-----BEGIN" not in data:
            return x509.load_der_x509_certificate(data)
        found = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise Refused(f"{path} is not a certificate", "give one in PEM or DER") from error
    if len(found) != 1:
        raise Refused(
            f"{path} holds {len(found)} certificates", "a unit holds one: give a file with that one"
        )
    return found[0]


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    data = _read(path)
    load = serialization.load_pem_private_key if b"-----BEGIN" in data else serialization.load_der_private_key
    try:
        key = load(data, password=None)
    except (ValueError, TypeError) as error:
        raise Refused(f"{path} is not a private key without a passphrase", "give the right file") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Refused(f"{path} is not an EC key", _EC_ONLY)
    _check_curve(path, key.curve)
    return key


_EC_ONLY = "a chip has no memory and time for RSA: make certificates on P-256 or P-384"


def _check_curve(path: Path, curve: ec.EllipticCurve) -> None:
    if not isinstance(curve, ec.SECP256R1 | ec.SECP384R1):
        raise Refused(f"{path} is on the curve {curve.name}", _EC_ONLY)


def _check_ec(path: Path, certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Refused(f"{path} is not a certificate of an EC key", _EC_ONLY)
    _check_curve(path, key.curve)


def _check_authority(path: Path, certificate: x509.Certificate) -> None:
    _check_ec(path, certificate)
    try:
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        is_ca = False
    if not is_ca:
        raise Refused(
            f"{path} is no authority's certificate", "give the CA that signed the broker's, not the broker's"
        )
    if certificate.issuer == certificate.subject:
        try:
            certificate.verify_directly_issued_by(certificate)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise Refused(
                f"{path} is not signed by its own key", "the file is damaged: fetch it again"
            ) from error
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise Refused(f"{path} expired on {certificate.not_valid_after_utc.date()}", "make a new authority")


def _check_belongs(
    certificate_path: Path, certificate: x509.Certificate, key_path: Path, key: ec.EllipticCurvePrivateKey
) -> None:
    _check_ec(certificate_path, certificate)
    if certificate.public_key() != key.public_key():
        raise Refused(f"{key_path} is not the key of {certificate_path}", "give the two that belong together")


def _der(path: Path, certificate: x509.Certificate) -> bytes:
    found = der(certificate)
    if len(found) > DER_LIMIT:
        raise Refused(
            f"{path} takes {len(found)} bytes, a unit holds {DER_LIMIT}", "use a certificate with fewer names"
        )
    return found
