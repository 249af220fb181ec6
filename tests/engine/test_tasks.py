"""The tiny model as an embedding and as a reranking model: what each answers, and what it does not."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import openai
import pytest

from qwen3_runtime.config import Phase, Task
from tests.engine.pod import MODEL, Pod, tiny_config
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module", params=[Task.EMBED, Task.RERANK])
def task_pod(
    request: pytest.FixtureRequest, engine_python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Task, Pod]]:
    """A ready pod of each task."""
    config = tiny_config(tiny_model, task=request.param)
    pod = Pod.start(config, engine_python, tmp_path_factory.mktemp("task"))
    try:
        pod.wait_for(Phase.READY)
        yield request.param, pod
    finally:
        pod.end()


def _post(pod: Pod, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: S310 - loopback
        pod.url + path, json.dumps({"model": MODEL, **body}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=HANG_SECONDS) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


def test_answers_its_task(task_pod: tuple[Task, Pod]) -> None:
    task, pod = task_pod
    if task is Task.EMBED:
        _embeds(pod)
    else:
        _reranks(pod)


def _embeds(pod: Pod) -> None:
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0) as client:
        answer = client.embeddings.create(model=MODEL, input=["Paris", "Paris", "snow"], encoding_format="float")
    first, second, third = (entry.embedding for entry in answer.data)
    assert len(first) == 128, "the hidden size of the tiny model"
    assert math.isclose(sum(value * value for value in first), 1, rel_tol=1e-2), "normalized, as Qwen3-Embedding is"
    assert first == pytest.approx(second, abs=1e-2)
    assert first != pytest.approx(third, abs=1e-2)
    assert answer.usage.prompt_tokens > 0


def _reranks(pod: Pod) -> None:
    documents = ["Paris is in France.", "Snow is white.", "A third one."]
    answer = _post(pod, "/v1/rerank", {"query": "Where is Paris?", "documents": documents})
    assert sorted(entry["index"] for entry in answer) == [0, 1, 2]
    scores = [entry["score"] for entry in answer]
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)
    assert len(_post(pod, "/v1/rerank", {"query": "q", "documents": documents, "top_n": 2})) == 2


def test_answers_nothing_else(task_pod: tuple[Task, Pod]) -> None:
    _, pod = task_pod
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        _post(pod, "/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]})
    assert f"{MODEL} does not answer" in json.loads(caught.value.read())["error"]["message"]
