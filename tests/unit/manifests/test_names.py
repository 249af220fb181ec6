from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_operator.manifests.names import dns_label
from qwen3_operator.manifests.quantity import cpu, memory

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def test_a_good_name_stays_as_it_is() -> None:
    assert dns_label("chat", "h100-80gb-hbm3") == "chat-h100-80gb-hbm3"


def test_what_had_to_change_is_told_apart_by_its_hash() -> None:
    upper, dotted = dns_label("chat", "A2.910B3"), dns_label("chat", "a2-910b3")
    assert upper != dotted
    assert upper.startswith("chat-a2-910b3-")


@given(name=st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True), pool=st.text(max_size=80))
def test_every_result_is_a_dns_label(name: str, pool: str) -> None:
    label = dns_label(name, pool)
    assert len(label) <= 63
    assert DNS_LABEL.fullmatch(label)


@given(pools=st.lists(st.text(max_size=80), min_size=2, max_size=8, unique=True))
def test_different_pools_get_different_names(pools: list[str]) -> None:
    assert len({dns_label("chat", pool) for pool in pools}) == len(pools)


@pytest.mark.parametrize(("written", "read"), [("2000m", "2"), ("500m", "500m"), ("4", "4"), ("1.5", "1500m")])
def test_cpu_is_canonical(written: str, read: str) -> None:
    assert cpu(written) == read


@pytest.mark.parametrize(
    ("written", "read"), [("8192Mi", "8Gi"), ("8193Mi", "8193Mi"), ("1Gi", "1Gi"), ("1536Mi", "1536Mi")]
)
def test_memory_is_canonical(written: str, read: str) -> None:
    assert memory(written) == read
