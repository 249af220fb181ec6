from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from qwen3_operator.admission.certificates import (
    LIFETIME,
    OVERLAP,
    Certificates,
    defect,
    ends_at,
    issue,
    needs_rotation,
    trusted,
)
from tests.unit.admission.given import HOST, NOW, days, generation, pieces


def test_same_keys_and_time_make_the_same_authority() -> None:
    keys = [ec.derive_private_key(number, ec.SECP256R1()) for number in (5, 6)]
    first, second = (x509.load_pem_x509_certificate(issue(HOST, NOW, *keys).authority) for _ in range(2))
    assert first.tbs_certificate_bytes == second.tbs_certificate_bytes
    assert first.serial_number != x509.load_pem_x509_certificate(generation(0).authority).serial_number


def test_certificate_is_for_one_service_and_signs_nothing() -> None:
    certificate = x509.load_pem_x509_certificate(generation().certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert b"PRIVATE KEY" not in generation().authority


def test_long_names_are_served_too() -> None:
    host = f"{'s' * 62}.{'n' * 63}.svc"
    assert defect(generation(3, host), host) == ""


@pytest.mark.parametrize(
    ("age", "due"), [(days(0), False), (days(59.9), False), (days(60.1), True), (days(89), True), (days(200), True)]
)
def test_due_at_two_thirds_of_the_lifetime(age: timedelta, due: bool) -> None:  # noqa: FBT001
    assert bool(needs_rotation(generation(), HOST, NOW + age)) is due


def test_lifetime() -> None:
    assert ends_at(generation()) == NOW + LIFETIME


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (None, "none"),
        (generation(host="other.svc"), f"not for {HOST}"),
        (dataclasses.replace(generation(), key=generation(1).key), "another certificate"),
        (dataclasses.replace(generation(), authority=generation(1).authority), "cannot be used"),
        (dataclasses.replace(generation(), certificate=b"garbage"), "cannot be used"),
        (Certificates(b"", b"", b""), "cannot be used"),
    ],
)
def test_unusable_ones_are_replaced(held: Certificates | None, why: str) -> None:
    assert why in needs_rotation(held, HOST, NOW)


def test_old_authority_is_trusted_until_the_overlap_is_over() -> None:
    old, new = generation(0), generation(1, at=NOW + days(60))
    during = trusted(new, old.authority, NOW + days(60))
    assert list(pieces(during)) == [new.authority, old.authority]
    assert trusted(new, during, NOW + days(60) + OVERLAP) == during, "stable while it lasts"
    assert trusted(new, during, NOW + days(60) + 2 * OVERLAP) == new.authority


def test_an_expired_authority_is_not_trusted() -> None:
    new = generation(1, at=NOW + days(100))
    assert trusted(new, generation(0).authority, NOW + days(100)) == new.authority


@pytest.mark.parametrize("bundle", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_bundle_that_is_none_counts_as_empty(bundle: bytes) -> None:
    assert trusted(generation(), bundle, NOW) == generation().authority


def test_the_bundle_is_bounded_and_what_may_serve_stays() -> None:
    """Where the Secret cannot be written, each try leaves an authority that nobody serves."""
    bundle = generation(0).authority
    for number in range(1, 6):
        bundle = trusted(generation(number), bundle, NOW)
    kept = list(pieces(bundle))
    assert len(kept) == 3
    assert kept[0] == generation(5).authority
    assert kept[-1] == generation(0).authority


def test_clock_of_the_api_server_may_be_behind() -> None:
    begin = x509.load_pem_x509_certificate(generation().certificate).not_valid_before_utc
    assert begin <= NOW - timedelta(minutes=1)
