"""The list of adapters that a pod follows: a file that the kubelet keeps like the operator's ConfigMap."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from qwen3_runtime.config import AdapterList

if TYPE_CHECKING:
    from qwen3_runtime.config import AdapterFiles, RuntimeConfig

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at the file; the kubelet itself takes up to a minute to write it anew."""


class ListError(Exception):
    """The file is no list; the text has its path."""


def read_list(path: str) -> tuple[AdapterFiles, ...]:
    """The adapters that are asked for.

    Raises:
        ListError: the file is not there or holds something else.
    """
    try:
        return AdapterList.model_validate_json(Path(path).read_bytes()).files
    except OSError as error:
        raise ListError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ListError(f"{path}: {error.errors(include_url=False, include_input=False)[0]['msg']}") from error


def with_list(config: RuntimeConfig) -> RuntimeConfig:
    """The configuration with the adapters of its list, if it has one.

    Raises:
        ListError: as of `read_list`.
    """
    if config.adapters is None or config.adapters.list_path is None:
        return config
    return with_files(config, read_list(config.adapters.list_path))


def with_files(config: RuntimeConfig, files: tuple[AdapterFiles, ...]) -> RuntimeConfig:
    """The configuration, which has room for adapters, with these."""
    assert config.adapters is not None  # noqa: S101 - there is nothing to put them into
    return config.model_copy(update={"adapters": config.adapters.model_copy(update={"files": files})})


async def list_changed(config: RuntimeConfig) -> RuntimeConfig:
    """Wait until the list is another one than the configuration's; the configuration with that. Never without a list.

    A file that cannot be read changes nothing; a line says so when what is wrong with it changes.
    """
    said = ""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            found = with_list(config)
        except ListError as error:
            if said != (said := str(error)):
                logger.warning("adapters stay as they are: %s", said)
            continue
        said = ""
        if found != config:
            return found
