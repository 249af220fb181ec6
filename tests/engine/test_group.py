"""One replica in two pods: the real engines meet, and the leader answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from qwen3_runtime.config import GROUP_LEADER_VARIABLE, GROUP_RANK_VARIABLE, Group, Parallelism, Phase
from tests.engine.pod import MODEL, Pod, tiny_config
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ASKED: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 8,
    "temperature": 0,
}


@pytest.fixture
def members(engine_python: Path, tiny_model: Path, tmp_path: Path) -> Iterator[list[Pod]]:
    """Leader and worker, each with half of the model."""
    config = tiny_config(tiny_model, group=Group(nodes=2), parallelism=Parallelism(tensor_parallel=2))
    machine = {
        # SGLang looks for one NUMA node per rank, unless it is told which cores each has.
        "SGLANG_CPU_OMP_THREADS_BIND": "0|0",
        # The embedding of a cut vocabulary is compiled, which asks for Triton's backends; the image has none.
        "TORCHDYNAMO_DISABLE": "1",
    }
    pods: list[Pod] = []
    try:
        for rank in ("0", "1"):
            folder = tmp_path / rank
            folder.mkdir()
            place = {GROUP_RANK_VARIABLE: rank, GROUP_LEADER_VARIABLE: "127.0.0.1"}
            pods.append(Pod.start(config, engine_python, folder, **machine, **place))
        yield pods
    finally:
        for pod in pods:
            pod.end()


def test_two_pods_are_one_replica(members: list[Pod]) -> None:
    leader, worker = members
    for pod in members:
        pod.wait_for(Phase.READY)
    with openai.OpenAI(base_url=f"{leader.url}/v1", api_key="unused", max_retries=0, timeout=HANG_SECONDS) as client:
        assert client.chat.completions.create(**ASKED).choices[0].message
    worker_client = openai.OpenAI(base_url=f"{worker.url}/v1", api_key="unused", max_retries=0, timeout=HANG_SECONDS)
    with worker_client, pytest.raises(openai.APIConnectionError):
        worker_client.models.list()
