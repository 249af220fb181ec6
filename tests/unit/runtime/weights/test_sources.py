"""The words of the contract that name a source."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from qwen3_runtime.sources import Hub, HubSource, S3Source, WeightSource


def test_json_of_either_kind() -> None:
    adapter: TypeAdapter[WeightSource] = TypeAdapter(WeightSource)
    assert isinstance(adapter.validate_json('{"kind": "Hub", "hub": "ModelScope", "repository": "a/b"}'), HubSource)
    assert isinstance(adapter.validate_json('{"kind": "S3", "bucket": "models"}'), S3Source)


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": "no-owner"},
        {"repository": "a/b/c"},
        {"repository": "../b?x"},
        {"endpoint": "ftp://mirror"},
        {"endpoint": "https://mirror?token=x"},
        {"token": "hf_x"},
    ],
    ids=str,
)
def test_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        HubSource.model_validate({"hub": "HuggingFace", "repository": "a/b"} | changes)


def test_folder_is_the_same_for_every_way_to_the_same_files() -> None:
    plain = HubSource(hub=Hub.HUGGING_FACE, repository="Qwen/Qwen3-8B")
    way = plain.model_copy(update={"endpoint": "https://mirror", "token_file": "/etc/token", "offline": True})
    assert plain.folder_name() == way.folder_name()
    assert plain.folder_name().startswith("Qwen--Qwen3-8B-")


@pytest.mark.parametrize(
    "changes",
    [{"revision": "v2"}, {"hub": Hub.MODELERS}, {"files": ("*.gguf",)}, {"repository": "Qwen/Qwen3-8b"}],
    ids=str,
)
def test_folder_differs_for_other_files(changes: dict[str, object]) -> None:
    plain = HubSource(hub=Hub.HUGGING_FACE, repository="Qwen/Qwen3-8B")
    assert plain.model_copy(update=changes).folder_name() != plain.folder_name()


def test_s3_folder() -> None:
    source = S3Source(bucket="models", prefix="/team a/tuned/")
    assert source.folder_name().startswith("tuned-")
    assert source.folder_name() == S3Source(bucket="models", prefix="team a/tuned").folder_name()
    assert source.folder_name() != S3Source(bucket="others", prefix="team a/tuned").folder_name()
    assert "/" not in S3Source(bucket="models").folder_name()
