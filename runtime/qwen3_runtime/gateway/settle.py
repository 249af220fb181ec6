"""What a request is expected to use is set aside before it runs; what it used is booked when it has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.limits.answers import rate_headers, refusal
from qwen3_runtime.gateway.limits.types import Tokens
from qwen3_runtime.gateway.record import NONE
from qwen3_runtime.gateway.usage import Usage
from qwen3_runtime.server.errors import CLIENT_GONE
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from qwen3_runtime.gateway.estimate import Estimates
    from qwen3_runtime.gateway.forward import Forward
    from qwen3_runtime.gateway.ledger import Ledger
    from qwen3_runtime.gateway.limits.types import Reservation, Store
    from qwen3_runtime.gateway.metrics import Metrics
    from qwen3_runtime.gateway.relay import Relay
    from qwen3_runtime.tenancy import Tenant


class Settling:
    """Limits, ledger and estimates of one gateway."""

    def __init__(self, estimates: Estimates, store: Store, ledger: Ledger | None, metrics: Metrics) -> None:
        self._estimates = estimates
        self._store = store
        self._ledger = ledger
        self._metrics = metrics

    async def run(self, forward: Forward) -> None:
        """Forward a call within the tenant's limits, and book what it used, however it ends.

        Raises:
            InterruptedRequestError: a limit is reached, or no replica answers to the end.
        """
        record, relay, estimate = forward.record, forward.relay, forward.estimate

        def count(usage: Usage) -> None:
            if record.usage is NONE:
                record.usage = usage
                if self._ledger is not None:
                    self._ledger.add(record.tenant, record.model, usage)

        def learn(usage: Usage) -> None:
            self._estimates.learn(record.tenant, forward.call, usage)
            count(usage)

        relay.on_usage = learn
        reservation = await self.reserve(forward.tenant, Tokens(estimate.prompt, estimate.output), relay)
        self._metrics.arrived(forward)
        failed = False
        try:
            await forward.run()
        except InterruptedRequestError as interruption:
            failed = interruption.answer is not CLIENT_GONE
            raise
        finally:
            relay.on_usage = None  # it knows the request, which knows the relay: a cycle would wait for a collection
            if relay.events:
                # Unless the engine told before the cut: a stream has about one event for each token.
                count(Usage(prompt=estimate.prompt, answer=relay.events))
            self.settle(reservation, Tokens(record.usage.prompt, record.usage.output))
            self._metrics.served(forward, failed=failed)

    async def reserve(self, tenant: Tenant, tokens: Tokens, relay: Relay) -> Reservation:
        """Set aside; the answer's headers tell what is left. What is let in must be given to `settle`.

        Raises:
            InterruptedRequestError: a limit is reached.
        """
        standing, reservation = await self._store.reserve(tenant, tokens)
        relay.headers += rate_headers(tenant, standing)
        if standing.refused is not None:
            self._metrics.limited.labels(tenant.name, standing.refused).inc()
            raise InterruptedRequestError(refusal(tenant, standing.refused, standing, time.time()))
        return reservation

    def settle(self, reservation: Reservation, used: Tokens) -> None:
        """Put what was used in the place of what was set aside."""
        self._store.settle(reservation, used)
