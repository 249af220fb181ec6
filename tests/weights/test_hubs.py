"""Each hub's listing, files, checksums, tokens and refusals, by real requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.sources import Hub as HubName
from qwen3_runtime.weights.fetch.errors import FetchError
from tests.hub.faults import Fault
from tests.hub.server import Hub
from tests.weights.conftest import NAME, Fetch, content_of, source_of, wanted_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.content import Repository

TOKEN = "hf_secret0123456789"  # noqa: S105 - of the stand-in
HUBS = pytest.mark.parametrize("name", list(HubName))


def refusal(fetch: Fetch, hub: Hub, name: HubName = HubName.HUGGING_FACE, **changes: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(source_of(hub, name, **changes))
    return caught.value


@HUBS
def test_whole_model(hub: Hub, fetch: Fetch, repository: Repository, name: HubName) -> None:
    assert content_of(fetch(source_of(hub, name))) == wanted_of(repository)


def test_manifest_holds_commit_and_checksums(hub: Hub, fetch: Fetch, repository: Repository) -> None:
    folder = fetch(source_of(hub))
    manifest = json.loads((folder / ".qwen3-weights.json").read_text())
    assert manifest["revision"] == repository.commit
    kinds = {file["path"]: file["checksum"].partition(":")[0] for file in manifest["files"]}
    assert kinds["model-0.safetensors"] == "sha256"
    assert kinds["config.json"] == "git-sha1"


@HUBS
def test_a_commit_is_fetched_as_such(hub: Hub, fetch: Fetch, repository: Repository, name: HubName) -> None:
    fetch(source_of(hub, name, revision=repository.commit))
    assert all(repository.commit in seen.path or "/cdn/" in seen.path for seen in hub.content_requests)


@HUBS
def test_patterns_choose_files(hub: Hub, fetch: Fetch, name: HubName) -> None:
    folder = fetch(source_of(hub, name, files=("*.bin", "config.json")))
    assert set(content_of(folder)) == {"pytorch_model.bin", "config.json"}


@HUBS
def test_token_from_a_file(fetch: Fetch, repository: Repository, tmp_path: Path, name: HubName) -> None:
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    with Hub(repository, token=TOKEN) as hub:
        fetch(source_of(hub, name, token_file=str(token)))
        elsewhere = [seen for seen in hub.seen if seen.host.startswith("localhost")]
    assert bool(elsewhere) is (name is HubName.HUGGING_FACE)
    assert not any(seen.authorization for seen in elsewhere), "the token went to another origin"


@HUBS
def test_missing_token(fetch: Fetch, repository: Repository, name: HubName) -> None:
    with Hub(repository, token=TOKEN) as hub:
        error = refusal(fetch, hub, name)
    assert error.reason == "Unauthorized"
    assert "without a token" in error.message
    assert NAME in error.message


def test_a_token_of_the_environment_is_not_used(
    fetch: Fetch, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with Hub(repository, token=TOKEN) as hub:
        assert refusal(fetch, hub).reason == "Unauthorized"
        assert not any(seen.authorization for seen in hub.seen)


@HUBS
def test_wrong_token_is_named_by_its_file_only(
    fetch: Fetch, repository: Repository, tmp_path: Path, name: HubName
) -> None:
    token = tmp_path / "token"
    token.write_text("wrong-but-secret")
    with Hub(repository, token=TOKEN) as hub:
        error = refusal(fetch, hub, name, token_file=str(token))
    assert error.reason == "Unauthorized"
    assert str(token) in error.message
    assert "wrong-but-secret" not in error.message


@pytest.mark.parametrize("content", ["", "two words", "\xe9"])
def test_unusable_token_file(hub: Hub, fetch: Fetch, tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content)
    error = refusal(fetch, hub, token_file=str(tmp_path / "token"))
    assert error.reason == "TokenUnreadable"
    assert str(tmp_path / "token") in error.message


def test_absent_token_file(hub: Hub, fetch: Fetch) -> None:
    error = refusal(fetch, hub, token_file="/nonexistent/token")  # noqa: S106 - a path
    assert (error.reason, "/nonexistent/token" in error.message) == ("TokenUnreadable", True)


def test_gated_model_says_where_to_accept_and_which_token(fetch: Fetch, repository: Repository, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with Hub(repository, token=TOKEN, gated=True) as hub:
        error = refusal(fetch, hub, token_file=str(token))
        page = f"{hub.url}/{NAME}"
    assert error.reason == "GatedModel"
    assert page in error.message
    assert str(token) in error.message


@HUBS
def test_unknown_repository(hub: Hub, fetch: Fetch, name: HubName) -> None:
    error = refusal(fetch, hub, name, repository="Qwen/Nowhere")
    assert error.reason == "SourceNotFound"
    assert "Qwen/Nowhere" in error.message


@HUBS
def test_unknown_revision(hub: Hub, fetch: Fetch, name: HubName) -> None:
    error = refusal(fetch, hub, name, revision="v9")
    assert error.reason == "RevisionNotFound"
    assert "v9" in error.message


@HUBS
def test_listing_is_repeated_while_the_hub_is_busy(hub: Hub, fetch: Fetch, name: HubName) -> None:
    hub.faults.add("LISTING", Fault(status=503), Fault(status=429, headers={"Retry-After": "0"}))
    fetch(source_of(hub, name))
    assert hub.faults.left == 0


def test_nobody_listens(hub: Hub, fetch: Fetch) -> None:
    error = refusal(fetch, hub, endpoint="http://127.0.0.1:9")
    assert error.reason == "SourceUnavailable"
    assert "http://127.0.0.1:9" in error.message


@pytest.mark.parametrize("name", [HubName.MODEL_SCOPE, HubName.MODELERS])
def test_answer_that_is_no_listing(hub: Hub, fetch: Fetch, name: HubName, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.hub.apis.listing", lambda *_: {"Message": "maintenance"})
    assert refusal(fetch, hub, name).reason == "SourceRefuses"


def test_path_that_leads_out_of_the_folder(hub: Hub, fetch: Fetch, volume: Path) -> None:
    hub.repository.files["../../evil.json"] = b"{}"
    assert refusal(fetch, hub).reason == "UnsafePath"
    assert not (volume.parent / "evil.json").exists()
