"""The catalog that a command plans with: the shipped one, with an administrator's rows over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.catalog import CatalogError, catalog_texts, load_catalog, overlaid
from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.files import read_documents, shown
from qwen3_operator.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.catalog import Catalog


def catalog_of(file: str | None) -> Catalog:
    """The shipped catalog, with the rows of a ConfigMap in ``file`` over it.

    Raises:
        InputError: the file holds no ConfigMap.
    """
    if file is None:
        return load_catalog()
    texts: dict[str, str] = {}
    for document in read_documents(file):
        if not isinstance(document, dict) or document.get("kind") != "ConfigMap":
            raise InputError(
                f"{shown(file)} is no ConfigMap with catalog files, as 'kubectl get configmap -o yaml' gives"
            )
        texts |= document.get("data") or {}
    return with_overrides(texts)


def with_overrides(texts: Mapping[str, str]) -> Catalog:
    """The shipped catalog with those files over it; rows that are refused are named on standard error."""
    if not texts:
        return load_catalog()
    try:
        catalog, problems = overlaid(catalog_texts(), texts)
    except CatalogError as error:
        raise InputError(f"the catalog cannot be built with its overrides: {error}") from error
    for problem in problems:
        note(f"warning: catalog row refused: {problem}")
    return catalog
