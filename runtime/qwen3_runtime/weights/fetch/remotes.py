"""Which code speaks to which source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_runtime.sources import Hub, HubSource

if TYPE_CHECKING:
    import httpx2

    from qwen3_runtime.sources import WeightSource
    from qwen3_runtime.weights.fetch.order import Pace
    from qwen3_runtime.weights.fetch.remote import Remote


def open_remote(source: WeightSource, client: httpx2.Client, pace: Pace) -> Remote:
    """The source, ready to be listed. Each client is imported only by those who use it."""
    if not isinstance(source, HubSource):
        from qwen3_runtime.weights.fetch.s3 import S3  # noqa: PLC0415

        return S3(source, pace)
    match source.hub:
        case Hub.HUGGING_FACE:
            from qwen3_runtime.weights.fetch.huggingface import HuggingFace  # noqa: PLC0415

            return HuggingFace(source, pace)
        case Hub.MODEL_SCOPE:
            from qwen3_runtime.weights.fetch.modelscope import ModelScope  # noqa: PLC0415

            return ModelScope(source, client)
        case Hub.MODELERS:
            from qwen3_runtime.weights.fetch.modelers import Modelers  # noqa: PLC0415

            return Modelers(source, client)
