"""Counters of a single gateway: in its memory, quotas restored from its ledger at a start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_runtime.gateway.limits.account import Account
from qwen3_runtime.gateway.limits.types import Reservation, Standing, Store, Tokens, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.tenancy import LimitUsage, Tenant


class LocalStore(Store):
    """In memory."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def restore(self, used: Iterable[tuple[str, int, int]]) -> None:
        """Take over what tenants have used today and this month."""
        for tenant, today, this_month in used:
            account = self._account(tenant)
            account.day = day_of(time.time())
            account.used_today, account.used_this_month = today, this_month

    @override
    async def reserve(self, tenant: Tenant, tokens: Tokens) -> tuple[Standing, Reservation]:
        return self.take(tenant, tokens)

    def take(self, tenant: Tenant, tokens: Tokens, share: float = 1.0) -> tuple[Standing, Reservation]:
        """`reserve` within a share of each limit."""
        now = time.time()
        standing = self._account(tenant.name).reserve(tenant, tokens, now, share)
        return standing, Reservation(tenant.name, tokens, int(now))

    def note(self, tenant: str, tokens: Tokens) -> Reservation:
        """Book what another store has let in."""
        now = time.time()
        self._account(tenant).book(tokens, now)
        return Reservation(tenant, tokens, int(now), shared=True)

    def align(self, tenant: Tenant, standing: Standing, share: float) -> None:
        """Count a share of what all gateways together have used as used here."""
        self._account(tenant.name).align(tenant, standing, share, time.time())

    @override
    def settle(self, reservation: Reservation, used: Tokens) -> None:
        self._account(reservation.tenant).settle(reservation.tokens, reservation.second, used, time.time())

    @override
    async def usage(self, tenant: Tenant) -> tuple[LimitUsage, ...]:
        return self._account(tenant.name).usage(tenant, time.time())

    def _account(self, tenant: str) -> Account:
        account = self._accounts.get(tenant)
        if account is None:
            account = self._accounts[tenant] = Account()
        return account
