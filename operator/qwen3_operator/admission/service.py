"""The webhook of one replica: its port and its certificates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qwen3_operator.admission.rotation import Rotation
from qwen3_operator.admission.server import Server
from qwen3_operator.admission.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.admission.handler import Judge
    from qwen3_operator.admission.store import Api
    from qwen3_operator.settings import AdmissionSettings


class Admission:
    """Runs beside everything else and ends nothing when it fails."""

    def __init__(
        self, api: Api, settings: AdmissionSettings, namespace: str, judge: Judge, leads: Callable[[], bool]
    ) -> None:
        store = Store(api, namespace=namespace, secret=settings.name, configuration=settings.configuration)
        self._server = Server(judge, settings.port)
        self._rotation = Rotation(
            store,
            f"{settings.name}.{namespace}.svc",
            leads=leads,
            serve=self._server.serve,
            now=lambda: datetime.now(UTC),
        )

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            await self._rotation.run()
        finally:
            await self._server.close()
