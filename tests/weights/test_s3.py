"""Weights in a bucket of a real S3 server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.sources import Checksums, S3Source
from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.order import FetchState
from qwen3_runtime.weights.fetch.s3 import MANIFEST
from tests.hub.bucket import ACCESS_KEY, SECRET_KEY, Bucket, program
from tests.weights.conftest import Fetch, StartFetcher, content_of, model_files, order_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = "models/qwen3 tiny"
pytestmark = pytest.mark.timeout(900)
"""The server may have to be built."""


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    made = model_files()
    return {path: content for path, content in made.items() if not path.startswith(".git") and ".bin" not in path}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> Iterator[Bucket]:
    folder = tmp_path_factory.mktemp("s3")
    for path, content in files.items():
        target = folder / "weights" / PREFIX / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (folder / "weights" / "models" / "other.safetensors").write_bytes(b"of another model")
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in files.items())
    (folder / "weights" / PREFIX / MANIFEST).write_text(sums)
    with Bucket(program(), folder) as running:
        yield running


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "access-key-id").write_text(ACCESS_KEY)
    (folder / "secret-access-key").write_text(SECRET_KEY + "\n")
    return folder


def source_of(server: Bucket, credentials: Path | None, **changes: Any) -> S3Source:
    values: dict[str, Any] = {
        "bucket": "weights",
        "prefix": PREFIX,
        "endpoint": server.url,
        "credentials_folder": str(credentials) if credentials else None,
    }
    return S3Source(**(values | changes))


def refusal(fetch: Fetch, source: S3Source) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(source)
    return caught.value


def test_whole_model(bucket: Bucket, fetch: Fetch, credentials: Path, files: dict[str, bytes]) -> None:
    assert content_of(fetch(source_of(bucket, credentials))) == files


def test_signatures_stay_out_of_the_log(
    bucket: Bucket, credentials: Path, volume: Path, start_fetcher: StartFetcher
) -> None:
    fetcher = start_fetcher(order_for(source_of(bucket, credentials), volume))
    assert fetcher.end() is FetchState.DONE
    written = fetcher.log.read_text() + str(fetcher.events)
    assert "Signature" not in written
    assert SECRET_KEY not in written


def test_goes_on_with_what_is_there(
    bucket: Bucket, fetch: Fetch, credentials: Path, files: dict[str, bytes], volume: Path
) -> None:
    source = source_of(bucket, credentials)
    partial = volume / f".{source.folder_name()}.partial"
    partial.mkdir()
    shard = "model-0.safetensors"
    (partial / shard).write_bytes(files[shard][:100_000])
    assert content_of(fetch(source)) == files


def test_damaged_object(bucket: Bucket, fetch: Fetch, credentials: Path, files: dict[str, bytes]) -> None:
    path = bucket.folder / "weights" / PREFIX / "model-2.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    try:
        error = refusal(fetch, source_of(bucket, credentials))
    finally:
        path.write_bytes(files["model-2.safetensors"])
    assert error.reason == "ChecksumMismatch"
    assert "model-2.safetensors" in error.message


def test_without_a_manifest(bucket: Bucket, fetch: Fetch, credentials: Path, files: dict[str, bytes]) -> None:
    manifest = bucket.folder / "weights" / PREFIX / MANIFEST
    text = manifest.read_text()
    manifest.unlink()
    try:
        error = refusal(fetch, source_of(bucket, credentials))
        accepted = fetch(source_of(bucket, credentials, checksums=Checksums.WHEN_PRESENT))
    finally:
        manifest.write_text(text)
    assert error.reason == "ChecksumMissing"
    assert MANIFEST in error.message
    assert content_of(accepted) == files


def test_wrong_key_is_named_by_its_folder_only(bucket: Bucket, fetch: Fetch, credentials: Path) -> None:
    (credentials / "secret-access-key").write_text("wrong-but-secret")
    error = refusal(fetch, source_of(bucket, credentials))
    assert error.reason == "Forbidden"
    assert str(credentials) in error.message
    assert "SignatureDoesNotMatch" in error.message
    assert "wrong-but-secret" not in error.message


def test_anonymous(bucket: Bucket, fetch: Fetch) -> None:
    error = refusal(fetch, source_of(bucket, None))
    assert error.reason == "Forbidden"
    assert "without a key" in error.message


@pytest.mark.parametrize("changes", [{"bucket": "nowhere"}, {"prefix": "models/nothing"}], ids=str)
def test_nothing_there(bucket: Bucket, fetch: Fetch, credentials: Path, changes: dict[str, str]) -> None:
    error = refusal(fetch, source_of(bucket, credentials, **changes))
    assert error.reason == "SourceNotFound"
    assert next(iter(changes.values())) in error.message
