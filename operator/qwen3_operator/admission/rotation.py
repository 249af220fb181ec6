"""Keeps the webhook's certificates fresh: the leading replica makes them, every replica serves what the Secret holds.

Order of a rotation: the API server trusts the new authority beside the old one, then the Secret gets the new
certificate, then each replica takes it up at its next look; the old authority goes an hour later. Every step follows
from what is stored, so a replica that ends half-way is continued by the next one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from qwen3_operator import metrics
from qwen3_operator.admission.certificates import Certificates, defect, ends_at, issue, needs_rotation, trusted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from qwen3_operator.admission.store import Store

_LOG = logging.getLogger(__name__)
LOOK_SECONDS = 20
"""Between two looks at the Secret: one GET a replica."""
SOON_SECONDS = 2
"""After a change, and while there is nothing to serve yet."""


class Rotation:
    """The loop of one replica."""

    def __init__(
        self,
        store: Store,
        host: str,
        *,
        leads: Callable[[], bool],
        serve: Callable[[Certificates], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._host = host
        self._leads = leads
        self._serve = serve
        self._now = now
        self._served: Certificates | None = None

    async def run(self) -> None:
        """Look until cancelled. A failure is logged once and tried again: warnings stay out meanwhile, nothing else."""
        said = ""
        while True:
            soon = False
            try:
                soon = await self.look()
                said = ""
            except Exception as error:  # noqa: BLE001 - the boundary: the operator must not end for a warning
                if (why := repr(error)) != said:
                    said = why
                    _LOG.warning("the webhook's certificates are not in order", extra={"reason": why})
            await asyncio.sleep(SOON_SECONDS if soon else LOOK_SECONDS)

    async def look(self) -> bool:
        """One step towards fresh certificates in service; True where the next one is due soon.

        Raises:
            Exception: the API server refused or was not reached, or there is no webhook to make certificates for.
        """
        held, version = await self._store.read()
        why = needs_rotation(held, self._host, self._now())
        if held is not None and held != self._served and not defect(held, self._host):
            await self._take_up(held)
        if not self._leads():
            return self._served is None
        if why:
            await self._replace(version, why)
            return True
        if held is not None:
            await self._trust(held)
        return False

    async def _take_up(self, held: Certificates) -> None:
        await self._serve(held)
        self._served = held
        metrics.ADMISSION_CERTIFICATE_END.set(ends_at(held).timestamp())
        _LOG.info("serving the webhook", extra={"certificate_ends": ends_at(held)})

    async def _replace(self, version: str, why: str) -> None:
        made = issue(
            self._host, self._now(), ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        )
        await self._trust(made)
        await self._store.write(made, version)
        _LOG.info("made certificates for the webhook", extra={"reason": why, "certificate_ends": ends_at(made)})

    async def _trust(self, held: Certificates) -> None:
        """Write the bundle where it is not what it should be."""
        present = await self._store.bundle()
        wanted = trusted(held, present, self._now())
        if wanted != present:
            await self._store.trust(wanted)
