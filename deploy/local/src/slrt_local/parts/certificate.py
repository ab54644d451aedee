"""Certificates for one machine: one that signs itself, and one of an authority that browsers can be told to trust."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from slrt_local.net import LOOPBACK
from slrt_local.state import write_private

_DAYS = 3650
_TRUSTED_DAYS = 397
"""The longest that browsers take of a server's certificate (CA/Browser Forum, 6.3.2)."""
_RENEW_DAYS = 30


def write_certificate(key_and_certificate: Path, certificate: Path) -> None:
    """Write both files unless they are there: key (PKCS 8) and certificate in one, the certificate in the other."""
    if key_and_certificate.exists() and certificate.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SLRT on this machine")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = signed.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    write_private(certificate, public)
    write_private(key_and_certificate, private + public)


@dataclass(frozen=True)
class Trust:
    """The files of a certificate: what clients are told to trust, what the server shows, and its key."""

    authority: Path
    certificate: Path
    key: Path


def make_trusted(folder: Path) -> Trust:
    """A certificate for localhost and loopback by an authority of its own, made anew a month before it ends.

    The authority's key is thrown away once it has signed: whoever trusts the authority trusts this one certificate.
    """
    made = Trust(folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
    if _is_good(made):
        return made
    now = datetime.now(UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = _named("SLRT on this machine, authority of one certificate")
    local = [x509.IPAddress(ipaddress.ip_address(address)) for address in (LOOPBACK, "::1")]
    only_here = x509.NameConstraints(
        [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
            x509.IPAddress(ipaddress.ip_network("::1/128")),
        ],
        None,
    )
    authority = (
        _begun(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(only_here, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = (
        _begun(_named("localhost"), authority_name, key, now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *local]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(made.authority, authority.public_bytes(serialization.Encoding.PEM).decode())
    write_private(made.key, private.decode())
    write_private(made.certificate, certificate.public_bytes(serialization.Encoding.PEM).decode())
    return made


def _is_good(trust: Trust) -> bool:
    if not all(file.exists() for file in (trust.authority, trust.certificate, trust.key)):
        return False
    certificate = x509.load_pem_x509_certificate(trust.certificate.read_bytes())
    return certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=_RENEW_DAYS)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_TRUSTED_DAYS - 1))
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
