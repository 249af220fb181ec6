"""From what was assigned to the placements of ``status.plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.status import Offload, Placement, Predicted
from qwen3_operator.catalog.base import MIB
from qwen3_operator.sizing.cost import cost_per_hour
from qwen3_operator.sizing.text import milliseconds, money
from qwen3_operator.sizing.timing import first_token_at, lengths

if TYPE_CHECKING:
    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.memory import Fit
    from qwen3_operator.sizing.rating import Rated
    from qwen3_operator.sizing.search import Assigned


def placement(field: Field, part: Assigned, replicas: int) -> Placement:
    """The placement of ``replicas`` replicas, which may be none where the deployment is scaled to zero."""
    pool, rating = part.candidate.pool, part.candidate.rating
    fit, demand, shape = rating.option.fit, field.demand(rating), rating.shape
    if fit is None:
        raise ValueError(f"an option without memory was chosen: {rating.option}")
    price = pool.price_per_device_hour
    return Placement(
        pool=pool.name,
        accelerator=pool.accelerator.name,
        device=pool.accelerator.device,
        resource_name=pool.resource_name,
        quantization=rating.offer.form.name,
        tensor_parallel=shape.tensor_parallel,
        expert_parallel=shape.expert_parallel,
        data_parallel=shape.data_parallel,
        kv_cache_data_type="FP8" if field.wanted.kv_element_bytes == 1 else "BF16",
        nodes=rating.nodes,
        devices_per_replica=shape.devices,
        memory=fit.plan,
        kv_cache_tokens=fit.tokens,
        max_running_requests=fit.running,
        max_concurrency=fit.requests,
        predicted=_predicted(field, rating),
        cost_per_hour="" if price is None else money(cost_per_hour(price, replicas * shape.devices)),
        surge=False,  # until all placements of the plan are known, which share quotas
        replicas=replicas,
        cpu_request=f"{demand.cpu_millicores}m",
        memory_request=f"{demand.memory_bytes // MIB}Mi",
        node_selector=dict(pool.node_selector),
        node_requirements=pool.node_requirements,
        tolerations=pool.tolerations,
        engine=field.wanted.engine.name.value,
        offload=_offload(fit),
        image=pool.images.get(field.wanted.engine.name, ""),
        runtime_class_name=pool.runtime_class or "",
        shared_device=pool.share is not None and pool.share.kind == "TimeSlicing",
    )


def _offload(fit: Fit) -> Offload | None:
    if fit.split is None:
        return None
    layers = fit.split.of
    return Offload(device_layers=fit.device_layers, layers=layers, host_memory=fit.host_bytes)


def _predicted(field: Field, rating: Rated) -> Predicted | None:
    speed = rating.speed
    if speed is None:
        return None
    generates, rate = rating.offer.model.generates, speed.output_tokens_per_second
    prompt = lengths(rating.option, field.wanted.traffic).prompt
    return Predicted(
        concurrency=rating.share,
        time_to_first_token=milliseconds(speed.time_to_first_token),
        time_to_first_token_percentile=milliseconds(first_token_at(speed, field.wanted.targets.percentile)),
        time_per_output_token=milliseconds(speed.time_per_output_token) if generates else "",
        tokens_per_second=round(rate) if generates else None,
        # Each request has one result: as many prompts are read per second.
        input_tokens_per_second=None if generates else round(rate * prompt),
        max_concurrency=rating.most,
        source=speed.known,
    )
