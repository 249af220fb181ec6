"""Who may use what at this moment: the last good content of the two objects that the operator writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.dispatch import Dispatcher
from qwen3_runtime.gateway.keys import Keyring
from qwen3_runtime.tenancy import Tenants

if TYPE_CHECKING:
    from qwen3_runtime.gateway.dispatch import Patience
    from qwen3_runtime.tenancy import Route, Routes, Tenant


class Directory:
    """Tenants by key, models by name."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.keyring = Keyring(Tenants())
        self.tenants: dict[str, Tenant] = {}
        self.models: dict[str, Dispatcher] = {}
        self._by_name: dict[str, Dispatcher] = {}
        """Models, and LoRA adapters, whose requests wait in the queue of the model that they belong to."""
        self.last_used: dict[str, float] = {}
        """Tenant -> time of its last request to a model."""
        self.has_tenants = self.has_routes = False

    @property
    def is_complete(self) -> bool:
        """Whether both objects have been read once."""
        return self.has_tenants and self.has_routes

    def set_tenants(self, tenants: Tenants) -> None:
        """In force for the next request."""
        self.keyring = Keyring(tenants)
        self.tenants = {tenant.name: tenant for tenant in tenants.tenants}
        self.has_tenants = True

    def set_routes(self, routes: Routes) -> None:
        """In force for the next request; requests that run stay where they are."""
        old, self.models = self.models, {}
        for route in routes.models:
            model = old.pop(route.name, None) or Dispatcher(route, self._patience)
            self.models[route.name] = model
            model.update(route)
        self._by_name = {name: self.models[route.name] for route in routes.models for name in route.names}
        for model in old.values():
            model.update(model.route.model_copy(update={"endpoints": (), "sleeping": False}))
        self.has_routes = True

    def note_use(self, tenant: str) -> None:
        """A request to a model has come."""
        self.last_used[tenant] = time.time()

    def find(self, tenant: Tenant, name: str) -> Dispatcher | None:
        """A model that this tenant may use, or the one whose adapter has this name."""
        return self._by_name.get(name) if name in tenant.models else None

    def of(self, tenant: Tenant) -> list[Route]:
        """All models and adapters that this tenant may use, in its own order, each as a model of its own."""
        found = ((name, self.find(tenant, name)) for name in tenant.models)
        return [as_named(model.route, name) for name, model in found if model is not None]


def as_named(route: Route, name: str) -> Route:
    """What is told of a model under the name of its adapter; the route itself under its own."""
    return route if name == route.name else route.model_copy(update={"name": name, "adapters": None})
