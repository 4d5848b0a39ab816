"""The broker's certificates: what is made holds, what a chip could not use is refused, and a unit is given what it needs."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from firmware.version import BUILT
from host_tests.tools.test_factory_provision import nvs_of
from nameplate.cli import main
from nameplate.errors import NameplateError
from nameplate.factory import broker_tls
from nameplate.factory.broker_tls import Authority
from nameplate.factory.nvs_image import frame
from nameplate.factory.refused import Refused
from nameplate.feed.address import BrokerAddress, TlsFiles

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Path:
    """The folder of an authority, made by the verb."""
    folder = tmp_path_factory.mktemp("pki") / "ca"
    assert main.run(["factory", "broker-ca", str(folder), "--name", "Acme brokers"]) == 0
    return folder


def test_an_authority_is_made_once_and_its_key_is_its_owners(authority, capsys):
    assert stat.S_IMODE((authority / "ca-key.pem").stat().st_mode) == 0o600
    before = (authority / "ca.pem").read_bytes()
    assert main.run(["factory", "broker-ca", str(authority)]) == 2
    assert "already holds an authority" in capsys.readouterr().err
    assert (authority / "ca.pem").read_bytes() == before


def test_what_it_signs_began_before_any_firmware_was_built(authority):
    signer = Authority.load(authority)
    for pair in (signer.server(["broker.home"]), signer.client("unit")):
        found = x509.load_der_x509_certificate(pair.certificate)
        assert found.not_valid_before_utc.timestamp() < BUILT < found.not_valid_after_utc.timestamp()
        found.verify_directly_issued_by(signer.certificate)
    assert signer.certificate.not_valid_before_utc.timestamp() < BUILT


def test_an_address_is_in_the_certificate_as_a_name_too(authority, tmp_path, capsys):
    words = ["factory", "broker-cert", str(authority), "--name", "Broker.Home", "--name", "10.0.0.2"]
    assert main.run([*words, "--out", str(tmp_path / "server.pem"), "--days", "90"]) == 0
    found = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.home", "10.0.0.2"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.2"]
    assert 89 <= (found.not_valid_after_utc - NOW).days <= 90
    assert stat.S_IMODE((tmp_path / "server-key.pem").stat().st_mode) == 0o600
    assert "BEGIN" not in capsys.readouterr().out
    assert main.run([*words, "--out", str(tmp_path / "server.pem")]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "neither or both of --name and --user"),
        (["--name", "x", "--user", "y"], "neither or both"),
        (["--name", "*.acme.example"], "neither a host name nor an IPv4 address"),
        (["--name", "a b"], "neither a host name nor an IPv4 address"),
        (["--name", "x" * 64], "neither a host name nor an IPv4 address"),
        (["--user", "a/b"], "client name 'a/b' is malformed"),
        (["--name", "x", "--days", "0"], "0 days is out of range"),
    ],
)
def test_a_certificate_that_cannot_be_is_refused(authority, tmp_path, capsys, words, said):
    out = tmp_path / "out.pem"
    assert main.run(["factory", "broker-cert", str(authority), *words, "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_unit_is_given_authority_and_certificate(make_unit, authority):
    secret = make_unit(broker_url="mqtts://broker.home", broker_ca=str(authority / "ca.pem"))
    blobs = nvs_of(secret)
    ca = broker_tls.der(Authority.load(authority).certificate)
    assert blobs["broker_ca"] == frame(ca)
    assert "broker_cert" not in blobs and "broker_key" not in blobs
    unit = make_unit(
        broker_url="mqtts://broker.home", broker_ca=str(authority / "ca.pem"), client_ca=str(authority)
    )
    blobs = nvs_of(unit)
    certificate = x509.load_der_x509_certificate(blobs["broker_cert"][7:])
    assert certificate.subject.rfc4514_string() == f"CN={unit.ueid}"
    certificate.verify_directly_issued_by(x509.load_der_x509_certificate(ca))
    key = serialization.load_der_private_key(blobs["broker_key"][7:], None)
    assert key.public_key() == certificate.public_key()


def test_a_certificate_made_elsewhere_is_taken(make_unit, authority, tmp_path):
    pair = Authority.load(authority).client("elsewhere")
    broker_tls.write_pair(pair, tmp_path / "c.pem", tmp_path / "k.pem")
    unit = make_unit(
        broker_ca=str(authority / "ca.pem"),
        client_cert=str(tmp_path / "c.pem"),
        client_key=str(tmp_path / "k.pem"),
    )
    assert nvs_of(unit)["broker_cert"] == frame(pair.certificate)


def selfsigned(key, *, ca: bool = True, ends: datetime = NOW + timedelta(days=9)) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - timedelta(days=99), ends)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: selfsigned(rsa.generate_private_key(65537, 2048)), "is not a certificate of an EC key"),
        (lambda: selfsigned(ec.generate_private_key(ec.SECP521R1())), "is on the curve secp521r1"),
        (
            lambda: selfsigned(ec.generate_private_key(ec.SECP256R1()), ca=False),
            "is no authority's certificate",
        ),
        (
            lambda: selfsigned(ec.generate_private_key(ec.SECP256R1()), ends=NOW - timedelta(days=1)),
            "expired on",
        ),
        (lambda: selfsigned(ec.generate_private_key(ec.SECP256R1())) * 2, "holds 2 certificates"),
        (lambda: b"no certificate", "is not a certificate"),
        (lambda: None, "cannot be read"),
    ],
)
def test_an_authority_that_a_chip_could_not_use_is_refused(tmp_path, content, said):
    path, data = tmp_path / "ca.pem", content()
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(Refused, match=said):
        broker_tls.read_ca(path)


def test_a_key_that_is_not_the_certificates_is_refused(authority, tmp_path):
    signer = Authority.load(authority)
    broker_tls.write_pair(signer.client("one"), tmp_path / "1.pem", tmp_path / "1-key.pem")
    broker_tls.write_pair(signer.client("two"), tmp_path / "2.pem", tmp_path / "2-key.pem")
    with pytest.raises(Refused, match="is not the key of"):
        broker_tls.read_pair(tmp_path / "1.pem", tmp_path / "2-key.pem")
    (tmp_path / "rsa.pem").write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(Refused, match="is not an EC key"):
        broker_tls.read_pair(tmp_path / "1.pem", tmp_path / "rsa.pem")


def test_a_refusal_leaves_no_unit_behind(make_unit, authority, tmp_path):
    (tmp_path / "bad.pem").write_bytes(b"nothing")
    registry = tmp_path / "registry.sqlite"
    with pytest.raises(Refused, match="is not a certificate"):
        make_unit(registry=registry, broker_url="mqtts://x", broker_ca=str(tmp_path / "bad.pem"))
    make_unit(registry=registry, broker_url="mqtts://x", broker_ca=str(authority / "ca.pem"))


def test_listen_believes_the_authority_it_is_given(authority, tmp_path):
    files = TlsFiles(authority / "ca.pem")
    context = BrokerAddress.parse("mqtts://broker.home", files).tls_context()
    assert context is not None and context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    assert len(context.get_ca_certs()) == 1
    assert BrokerAddress.parse("mqtt://broker.home").tls_context() is None
    for url, given, said in (
        ("mqtt://broker.home", files, "without TLS"),
        ("mqtts://broker.home", TlsFiles(tmp_path / "none.pem"), "cannot be used for TLS"),
        ("mqtts://broker.home", TlsFiles(authority / "ca-key.pem"), "cannot be used for TLS"),
        ("mqtts://broker.home", TlsFiles(certificate=authority / "ca.pem"), "go together"),
    ):
        with pytest.raises(NameplateError, match=said):
            BrokerAddress.parse(url, given).tls_context()


def test_listen_says_why_it_does_not_believe_a_broker(authority, tmp_path, manufacturer, capsys):
    from nameplate.broker import EmbeddedBroker, ServerTls

    pair = Authority.load(authority).server(["127.0.0.1"])
    broker_tls.write_pair(pair, tmp_path / "server.pem", tmp_path / "server-key.pem")
    Authority.make(tmp_path / "other")
    with EmbeddedBroker(tls=ServerTls(tmp_path / "server.pem", tmp_path / "server-key.pem")) as broker:
        words = ["listen", "--trust", str(manufacturer.trust), "--broker", broker.url, "--for", "0.5"]
        assert main.run([*words, "--ca", str(authority / "ca.pem")]) == 0
        assert main.run([*words, "--ca", str(tmp_path / "other" / "ca.pem")]) == 3
        assert "certificate" in capsys.readouterr().err
