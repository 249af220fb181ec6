"""All ways to run one replica on devices of one kind, and for each whether the model fits and why not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qwen3_operator.sizing.memory import Fit, Space, on_cpu, on_device
from qwen3_operator.sizing.reasons import Problem, Reason
from qwen3_operator.sizing.shapes import Cut, Cutter, Shape
from qwen3_operator.sizing.splitting import split_with_host
from qwen3_operator.sizing.text import gigabytes
from qwen3_operator.sizing.validity import (
    adapter_problem,
    cache_problem,
    card_problem,
    device_problem,
    engine_problem,
    group_problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.catalog import Accelerator
    from qwen3_operator.inventory import Pool
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.offers import Offer

LARGEST_REPLICA = 64
"""Devices up to which it is looked whether several nodes would hold a model that one node does not."""

KindKey = tuple[str, float, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """Devices that are alike, in whatever pools: what an evaluation depends on."""

    accelerator: Accelerator
    memory_bytes: int
    """Of one device; on CPU pools of the largest node."""
    largest_node: int
    """Most devices of one node in any of the pools."""

    @property
    def on_cpu(self) -> bool:
        """Whether there is no accelerator."""
        return self.accelerator.device == "cpu"


def kind_key(pool: Pool) -> KindKey:
    """Pools with equal keys share evaluations. A part of a device is told from the whole by its bandwidth."""
    memory = pool.device_memory_bytes or max((node.memory_bytes for node in pool.nodes), default=0)
    return (pool.accelerator.name, pool.accelerator.memory_bandwidth or 0.0, memory)


@dataclass(frozen=True, slots=True)
class Option:
    """One offer in one shape on one kind of device."""

    kind: Kind
    offer: Offer
    shape: Shape
    blocked: Problem | None = None
    """Why it cannot be, other than for want of memory."""
    fit: Fit | None = None

    @property
    def nodes(self) -> int:
        """Nodes of one replica: as few as hold its devices, in equal parts."""
        if self.kind.on_cpu:
            return 1
        nodes = 1
        while self.shape.devices > nodes * self.kind.largest_node:
            nodes *= 2
        return nodes

    @property
    def fits(self) -> bool:
        """Whether it can be and memory suffices."""
        return self.blocked is None and self.fit is not None and not self.fit.missing_bytes

    @property
    def missing_bytes(self) -> int:
        """What each device lacks; 0 where it fits, or cannot be at all."""
        return self.fit.missing_bytes if self.fit and not self.blocked else 0

    @property
    def problem(self) -> Problem | None:
        """Why it does not work, in numbers."""
        if self.blocked is not None or self.fit is None or not self.fit.missing_bytes:
            return self.blocked
        has, where = self.kind.memory_bytes, "on one node" if self.kind.on_cpu else "per device"
        needs = gigabytes(has + self.fit.missing_bytes)
        return Problem(Reason.OUT_OF_MEMORY, f"needs {needs} {where}, has {gigabytes(has)}")


@dataclass(slots=True)
class OptionMaker:
    """Makes the options of kind after kind; what depends on the model alone is worked out once."""

    wanted: Wanted
    groups: bool
    """Whether a replica may span nodes."""
    _cutters: dict[int, Cutter] = field(default_factory=dict)

    def options(self, kind: Kind) -> list[Option]:
        """Every option on a kind of device, those that do not work included."""
        found: list[Option] = []
        for index, offer in enumerate(self.wanted.offers):
            engine = self.wanted.engine
            problem = (
                device_problem(kind.accelerator, offer.form, engine)
                or cache_problem(kind.accelerator, self.wanted.kv_data_type, engine)
                or (adapter_problem(kind.accelerator, engine) if self.wanted.adapters else None)
            )
            if offer.model.not_served:
                problem = Problem(Reason.ENGINE_UNSUPPORTED, offer.model.not_served)
            if problem:
                found.append(Option(kind, offer, Shape(1), problem))
            elif kind.on_cpu:
                found.append(self._on_cpu(kind, self._cutter(index).cut(Shape(1))))
            else:
                found += self._on_devices(kind, index)
        return found

    def _on_devices(self, kind: Kind, index: int) -> Iterator[Option]:
        spaces: dict[tuple[int, int, str], Space] = {}
        missing, fitted = False, False
        for cut in self._cutter(index).cuts(kind.largest_node):
            option = self._option(kind, cut, spaces)
            missing, fitted = missing or bool(option.missing_bytes), fitted or option.fits
            yield option
        if missing and not fitted and (larger := self._over_nodes(kind, index, spaces)):
            yield larger

    def _over_nodes(self, kind: Kind, index: int, spaces: dict[tuple[int, int, str], Space]) -> Option | None:
        """The smallest shape of more than one node that holds the model; tensor parallelism spans the nodes."""
        for cut in self._cutter(index).plain_cuts(kind.largest_node, LARGEST_REPLICA):
            option = self._option(kind, cut, spaces)
            if option.fits:
                problem = self._group_problem(option)
                return replace(option, fit=None, blocked=problem) if problem else option
        return None

    def _group_problem(self, option: Option) -> Problem | None:
        """Why no replica can span nodes."""
        devices, largest = option.shape.devices, option.kind.largest_node
        number = f"{devices} devices of {option.nodes} nodes would hold it, a node has {largest}; "
        if not self.wanted.engine.spans_nodes:
            return Problem(Reason.NEEDS_SEVERAL_NODES, f"{number}{self.wanted.engine.name} is planned on one node")
        if not self.groups:
            lack = "replicas over several nodes take the LeaderWorkerSet controller, which the cluster has not"
            return Problem(Reason.NEEDS_LEADER_WORKER_SET, f"{number}{lack}")
        return None

    def _option(self, kind: Kind, cut: Cut, spaces: dict[tuple[int, int, str], Space]) -> Option:
        shape = cut.shape
        engine = self.wanted.engine
        problem = (
            self._above_limit(shape)
            or card_problem(kind.accelerator, shape.devices)
            or engine_problem(engine, shape.tensor_parallel, shape.expert_parallel, shape.data_parallel)
            or (group_problem(shape.data_parallel) if self.wanted.adapters else None)
            or cut.problem
        )
        if problem:
            return Option(kind, cut.offer, shape, problem)
        key = (shape.tensor_parallel, shape.data_parallel, cut.offer.model.name if cut.offer.model.vision else "")
        space = spaces.get(key)
        if space is None:
            space = spaces[key] = Space.on(kind.accelerator, kind.memory_bytes, engine, cut)
        fit = on_device(space, cut, engine, self._share())
        if fit.missing_bytes and engine.splits_with_host:
            fit = split_with_host(space, cut, engine, self._share()) or fit
        return Option(kind, cut.offer, shape, None, fit)

    def _on_cpu(self, kind: Kind, cut: Cut) -> Option:
        if cut.problem:
            return Option(kind, cut.offer, cut.shape, cut.problem)
        # Beside the buffers the engine keeps what it read of each adapter, here in the same memory.
        cut = replace(cut, adapters=2 * cut.adapters)
        return Option(
            kind, cut.offer, cut.shape, None, on_cpu(cut, self.wanted.engine, kind.memory_bytes, self._share())
        )

    def _share(self) -> int:
        """Requests that one replica must hold: its share, or one where the plan chooses how many replicas."""
        traffic = self.wanted.traffic
        return traffic.share(traffic.replicas) if traffic.replicas else 1

    def _above_limit(self, shape: Shape) -> Problem | None:
        limit = self.wanted.max_devices
        if limit is not None and shape.devices > limit:
            return Problem(
                Reason.MAX_DEVICES, f"{shape.devices} devices, spec.hardware.maxDevicesPerReplica is {limit}"
            )
        return None

    def _cutter(self, index: int) -> Cutter:
        if index not in self._cutters:
            self._cutters[index] = Cutter(self.wanted.offers[index], self.wanted.kv_element_bytes, self.wanted.adapters)
        return self._cutters[index]
