"""A certificate authority and the serving certificate that it signs. Pure: time and keys are arguments.

Each generation has an authority of its own, whose key is thrown away once it has signed: the Secret holds nothing that
could sign another certificate, and a rotation is always the same step, whatever ran out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

LIFETIME = timedelta(days=90)
CLOCK_SKEW = timedelta(minutes=5)
"""A certificate is valid from a little before it was made: the API server's clock may be behind."""
OVERLAP = timedelta(hours=1)
"""How long the API server goes on trusting the previous authority; all replicas have reloaded long before."""
_OTHERS = 2
"""Most authorities of other generations in the bundle. The oldest stay: they are the ones that may still serve."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """One generation, as PEM texts."""

    authority: bytes
    certificate: bytes
    key: bytes


def issue(
    host: str, now: datetime, authority_key: EllipticCurvePrivateKey, serving_key: EllipticCurvePrivateKey
) -> Certificates:
    """An authority, and a certificate for ``host`` that it signs; both end together."""
    begin, end = now - CLOCK_SKEW, now + LIFETIME
    issuer, subject = _name(f"{host} authority"), _name(host)
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    serving_usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _builder(issuer, issuer, authority_key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(subject, issuer, serving_key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(serving_usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = serving_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificates(authority.public_bytes(pem), certificate.public_bytes(pem), key)


def defect(held: Certificates, host: str) -> str:
    """Why these cannot serve ``host``; empty where they can. Time is not looked at."""
    try:
        authority = x509.load_pem_x509_certificate(held.authority)
        certificate = x509.load_pem_x509_certificate(held.certificate)
        key = serialization.load_pem_private_key(held.key, None)
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
        return f"they cannot be used ({type(error).__name__})"
    if key.public_key() != certificate.public_key():
        return "the key belongs to another certificate"
    return "" if host in names.get_values_for_type(x509.DNSName) else f"they are not for {host}"


def needs_rotation(held: Certificates | None, host: str, now: datetime) -> str:
    """Why new ones are needed; empty where these will do. They are replaced at two thirds of their lifetime."""
    if held is None:
        return "there are none"
    if wrong := defect(held, host):
        return wrong
    certificate = x509.load_pem_x509_certificate(held.certificate)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"they end on {end:%Y-%m-%d}" if now >= begin + (end - begin) * 2 / 3 else ""


def ends_at(held: Certificates) -> datetime:
    """End of the serving certificate's time."""
    return x509.load_pem_x509_certificate(held.certificate).not_valid_after_utc


def trusted(held: Certificates, bundle: bytes, now: datetime) -> bytes:
    """The bundle that the API server is to trust: the authority of ``held``, and for a while those there are already.

    Args:
        held: the generation that serves, or is about to.
        bundle: PEM texts that the API server trusts at present; anything else counts as none.
        now: after `OVERLAP` from the making of ``held`` it stands alone.
    """
    current = x509.load_pem_x509_certificate(held.authority)
    if now - current.not_valid_before_utc > OVERLAP + CLOCK_SKEW:
        return held.authority
    others = [found for found in _certificates(bundle) if found != current and found.not_valid_after_utc > now]
    kept = [current, *others[-_OTHERS:]]
    return b"".join(found.public_bytes(serialization.Encoding.PEM) for found in kept)


def _certificates(bundle: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(bundle)
    except ValueError:
        return []


def _name(common: str) -> x509.Name:
    """A name by its end: the field holds 64 characters, and verifiers read the alternative name anyway."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[-64:])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    serial = int.from_bytes(hashlib.sha256(der + begin.isoformat().encode()).digest()[:16]) + 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
