"""kopf as a source of events and nothing more: own thread, own event loop, one ``on.event`` handler per kind.

kopf cancels every task of the loop that it runs in when it ends, and it ends on any watch error that it cannot
mend (1.45): the thread's end is the process's end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import kopf
from typing_extensions import override

from qwen3_operator.manifests.names import MANAGED_SELECTOR
from qwen3_operator.reconcile.kinds import MANAGED_KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOG = logging.getLogger(__name__)
_REQUEST_SECONDS = 30
_CONNECT_SECONDS = 5
_SERVER_SECONDS = 600
"""A watch is renewed this often, so that a dead one cannot hide behind a silent connection."""
_PAGE = 500


class Watch(threading.Thread):
    """Feeds ``sink(kind, type, object)`` in the main loop. ``type`` is None for objects of the initial list."""

    def __init__(
        self,
        sink: Callable[[Kind, str | None, dict[str, Any]], None],
        loop: asyncio.AbstractEventLoop,
        *,
        namespaces: Sequence[str],
        identity: str,
        kinds: Sequence[Kind],
    ) -> None:
        super().__init__(name="kopf", daemon=True)
        self._sink = sink
        self._loop = loop
        self._namespaces = tuple(namespaces)
        self._identity = identity
        self._kinds = kinds
        self._stop_flag = threading.Event()
        self.started = threading.Event()
        self.ended: asyncio.Future[None] = loop.create_future()
        """Resolves when kopf ends, however it does."""

    @override
    def run(self) -> None:
        """Body of the thread."""
        try:
            asyncio.run(self._operate())
        except BaseException:  # noqa: BLE001 - whatever it is, the process must learn that the watch is over
            _LOG.exception("kopf failed")
        with suppress(RuntimeError):  # the process ends and its loop is closed already
            self._loop.call_soon_threadsafe(self._finish)

    async def _operate(self) -> None:
        try:
            await kopf.operator(
                registry=self._registry(),
                settings=_settings(),
                # kopf would ask for the user's name otherwise, which a uid without an account has not
                identity=self._identity,  # type: ignore[arg-type]
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                stop_flag=self._stop_flag,
                ready_flag=self.started,
            )
        finally:
            # A thread of kopf's waits for the flag, and the loop that ends waits for the thread: without this a watch
            # that failed would leave the process deaf for good.
            self._stop_flag.set()

    def stop(self) -> None:
        """Ask kopf to end."""
        self._stop_flag.set()

    def _finish(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(_login)
        for kind in self._kinds:
            resource = kind.value
            kopf.on.event(resource.group, resource.version, resource.plural, registry=registry, id=resource.plural)(
                self._handler(kind)
            )
        return registry

    def _handler(self, kind: Kind) -> Callable[..., Any]:
        async def handle(event: kopf.RawEvent, **_: Any) -> None:
            """Hand over to the main loop. Anything raised here would be lost or end the process."""
            try:
                obj = dict(event["object"])
                self._loop.call_soon_threadsafe(self._sink, kind, event["type"], obj)
            except Exception:  # noqa: BLE001 - the boundary
                _LOG.exception("event not taken", extra={"kind": kind.value.kind})

        return handle


async def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.request_timeout = _REQUEST_SECONDS
    settings.networking.connect_timeout = _CONNECT_SECONDS
    settings.watching.server_timeout = _SERVER_SECONDS
    settings.watching.client_timeout = _SERVER_SECONDS + 60
    settings.watching.connect_timeout = _CONNECT_SECONDS
    settings.watching.chunk_size = _PAGE
    for kind in MANAGED_KINDS:
        resource = kind.value
        settings.watching.label_selectors[resource.group, resource.version, resource.plural] = MANAGED_SELECTOR
    return settings
