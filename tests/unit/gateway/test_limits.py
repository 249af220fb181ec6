from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_runtime.gateway.limits.account import Account
from qwen3_runtime.gateway.limits.answers import rate_headers, refusal
from qwen3_runtime.gateway.limits.types import Standing, Tokens, bounds_of
from qwen3_runtime.tenancy import LimitName, Quota, Tenant, TenantLimits

NOON = 1_790_000_000.0


def tenant(quota: Quota | None = None, **limits: Any) -> Tenant:
    return Tenant(name="a", limits=TenantLimits(**limits), quota=quota or Quota())


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.integers(0, 60), st.integers(0, 60), st.floats(0, 90), st.floats(0, 1)),
        max_size=60,
    )
)
def test_no_choice_of_a_minute_shows_more_than_a_limit(steps: list[tuple[float, int, int, float, float]]) -> None:
    limited = tenant(requests_per_minute=5, input_tokens_per_minute=100, output_tokens_per_minute=100)
    account = Account()
    now = NOON
    events: list[tuple[float, int, int, int]] = []
    running: list[tuple[float, Tokens, int, Tokens]] = []
    for gap, input_, output, lasts, share in steps:
        now += gap
        for one in sorted(running, key=lambda one: one[0]):
            end, reserved, second, used = one
            if end <= now:
                account.settle(reserved, second, used, end)
                events.append((end, 0, 0, used.output))
                running.remove(one)
        need = Tokens(input_, output)
        if account.reserve(limited, need, now).refused is None:
            # Input as reserved: an estimate that is too low is settled later, which is stated.
            events.append((now, 1, input_, 0))
            running.append((now + lasts, need, int(now), Tokens(input_, int(output * share))))
    for end, *_ in events:
        minute = [event for event in events if end - 60 < event[0] <= end]
        assert sum(event[1] for event in minute) <= 5
        assert sum(event[2] for event in minute) <= 100
        assert sum(event[3] for event in minute) <= 100


def test_who_stays_below_gets_its_limit() -> None:
    account, limited, admitted = Account(), tenant(requests_per_minute=60), 0
    for step in range(3 * 60 * 4):
        admitted += account.reserve(limited, Tokens(), NOON + step / 4).refused is None
    assert admitted >= 3 * 60 * 60 / 61 - 1


def test_an_estimate_is_settled_in_both_directions() -> None:
    account, limited = Account(), tenant(input_tokens_per_minute=100)
    assert account.reserve(limited, Tokens(90), NOON).refused is None
    account.settle(Tokens(90), int(NOON), Tokens(10), NOON + 1)
    assert account.reserve(limited, Tokens(90), NOON + 2).refused is None
    account.settle(Tokens(90), int(NOON) + 2, Tokens(150), NOON + 3)
    refused = account.reserve(limited, Tokens(1), NOON + 4)
    assert (refused.refused, refused.retry_seconds) == (LimitName.INPUT_TOKENS_PER_MINUTE, 59.0)
    assert account.reserve(limited, Tokens(1), NOON + 4 + refused.retry_seconds).refused is None


def test_a_request_that_needs_more_than_the_limit_runs_alone() -> None:
    account, limited = Account(), tenant(output_tokens_per_minute=10)
    assert account.reserve(limited, Tokens(0, 500), NOON).refused is None
    assert account.reserve(limited, Tokens(0, 1), NOON).refused is LimitName.OUTPUT_TOKENS_PER_MINUTE


@pytest.mark.parametrize(
    ("quota", "name", "renews"),
    [
        (Quota(tokens_per_day=100), LimitName.TOKENS_PER_DAY, "2026-09-22T00:00:00Z"),
        (Quota(tokens_per_month=100), LimitName.TOKENS_PER_MONTH, "2026-10-01T00:00:00Z"),
    ],
)
def test_a_quota_says_when_it_renews(quota: Quota, name: LimitName, renews: str) -> None:
    account, limited = Account(), tenant(quota)
    assert account.reserve(limited, Tokens(40, 40), NOON).refused is None
    account.settle(Tokens(40, 40), int(NOON), Tokens(40, 30), NOON)
    assert account.reserve(limited, Tokens(10, 20), NOON).refused is None
    standing = account.reserve(limited, Tokens(0, 1), NOON)
    assert standing.refused is name
    answer = refusal(limited, name, standing, NOON)
    assert (answer.status, answer.code) == (429, "insufficient_quota")
    assert f"renews at {renews}" in answer.message
    assert account.reserve(limited, Tokens(0, 1), NOON + standing.retry_seconds).refused is None


def test_headers_tell_limit_and_rest() -> None:
    limited = tenant(requests_per_minute=5, concurrent_requests=1)
    standing = Account().reserve(limited, Tokens(), NOON)
    assert rate_headers(limited, standing) == [
        (b"x-ratelimit-limit-requests", b"5"),
        (b"x-ratelimit-remaining-requests", b"4"),
    ]
    answer = refusal(limited, LimitName.REQUESTS_PER_MINUTE, Standing(retry_seconds=7.2), NOON)
    assert answer.headers == ((b"retry-after", b"8"), (b"x-ratelimit-reset-requests", b"8s"))


@pytest.mark.parametrize("name", LimitName)
def test_bounds_stand_in_the_order_of_the_names(name: LimitName) -> None:
    quotas = {LimitName.TOKENS_PER_DAY, LimitName.TOKENS_PER_MONTH}
    part = "quota" if name in quotas else "limits"
    one = Tenant.model_validate({"name": "a", part: {name.value: 7}})
    assert [found for found, bound in zip(LimitName, bounds_of(one), strict=True) if bound == 7] == [name]
