"""Paths and answers of the three hubs, as their own clients read them.

Hugging Face: huggingface_hub 2.4.0 (``HfApi.model_info``, ``hf_hub_url``, and what
``snapshot_download`` needs besides). ModelScope: modelscope-hub 0.5.1
(``_legacy_api.py``). Modelers: openmind-hub 1.3.0 (``om_api.py``, ``file_download.py``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.hub.content import is_large, object_id, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.hub.content import Repository

_CONTENT = re.compile(r"^/cdn/|/resolve/|/repo$|/media/")
_BRANCHES = ("main", "master")


def names(path: str, repository: str) -> bool:
    """Whether a path is about the repository."""
    return f"/{repository}/" in f"{path}/"


def is_content(path: str) -> bool:
    """Whether a path means the body of a file."""
    return _CONTENT.search(path) is not None


def listing(repository: Repository, path: str, query: Mapping[str, str]) -> Any:
    """The answer to a request for the list of files; None for any other request."""
    base = f"/api/models/{repository.name}"
    if path == base or (path.startswith(f"{base}/revision/") and _known(path.rpartition("/")[2], repository)):
        return _hugging_face(repository)
    if path.startswith(f"{base}/tree/") and _known(path.rpartition("/")[2], repository):
        return _tree(repository)
    if path == f"/api/v1/models/{repository.name}/repo/files" and _known(query["Revision"], repository):
        return _model_scope(repository)
    if path == f"/api/v1/file/{repository.name}" and _known(query["ref"], repository):
        return _modelers(repository, query.get("path", ""))
    return None


def content_path(path: str, query: Mapping[str, str], repository: Repository) -> str | None:
    """The file that a request means; None when its revision is not known."""
    if path == f"/api/v1/models/{repository.name}/repo":
        return query["FilePath"] if _known(query["Revision"], repository) else None
    for pattern in (rf"/{repository.name}/resolve/([^/]+)/(.+)", rf"/api/v1/file/{repository.name}/([^/]+)/media/(.+)"):
        match = re.fullmatch(pattern, path)
        if match and _known(match[1], repository):
            return match[2]
    return None


def _known(revision: str, repository: Repository) -> bool:
    return revision in (*_BRANCHES, repository.commit)


def _hugging_face(repository: Repository) -> dict[str, Any]:
    siblings = []
    for path, content in repository.files.items():
        sibling: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": object_id("", content)}
        if is_large(path):
            sibling["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
        siblings.append(sibling)
    return {"id": repository.name, "modelId": repository.name, "sha": repository.commit, "siblings": siblings}


def _tree(repository: Repository) -> list[dict[str, Any]]:
    entries = []
    for path, content in repository.files.items():
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": object_id("", content)}
        if is_large(path):
            entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
        entries.append(entry)
    return entries


def _model_scope(repository: Repository) -> dict[str, Any]:
    folders = {path.rpartition("/")[0] for path in repository.files} - {""}
    files = [
        {"Type": "blob", "Path": path, "Name": path.rpartition("/")[2], "Size": len(content), "Sha256": sha256(content)}
        for path, content in repository.files.items()
    ]
    trees = [{"Type": "tree", "Path": folder, "Name": folder, "Size": 0, "Sha256": ""} for folder in folders]
    return {"Code": 200, "Success": True, "Data": {"Files": trees + files}}


def _modelers(repository: Repository, folder: str) -> dict[str, Any]:
    tree: dict[str, dict[str, Any]] = {}
    prefix = f"{folder}/" if folder else ""
    for path, content in repository.files.items():
        name, _, rest = path.removeprefix(prefix).partition("/")
        if not path.startswith(prefix):
            continue
        if rest:
            tree[name] = {"type": "dir", "name": name, "path": prefix + name}
        else:
            tree[name] = {
                "type": "file",
                "name": name,
                "path": path,
                "size": len(content),
                "etag": object_id(path, content),
                "is_lfs": is_large(path),
            }
    return {"code": "", "msg": "", "data": {"tree": list(tree.values())}}
