"""llama.cpp's HTTP server out of the Python distribution `xllamacpp`, under the names of llama-server's own options.

Run by the engine's interpreter, beside which nothing of the runtime is installed: only the standard library and
xllamacpp are imported. Images with the program ``llama-server`` do not need it (``program`` in their engine.json).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xllamacpp import CommonParams  # type: ignore[import-not-found]

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""cgroup v2: ``<quota> <period>`` in microseconds, ``max`` for no quota."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Options of llama-server (common/arg.cpp) that this server knows; any other is an error."""
    parser = argparse.ArgumentParser(prog="llama_server", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ctx-size", type=int, default=0)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--n-gpu-layers", type=int, default=-1)
    parser.add_argument("--cache-type-k", choices=("bf16", "q8_0"))
    parser.add_argument("--cache-type-v", choices=("bf16", "q8_0"))
    parser.add_argument("--rope-scaling", choices=("yarn",))
    parser.add_argument("--rope-scale", type=float)
    parser.add_argument("--yarn-orig-ctx", type=int)
    parser.add_argument("--chat-template-kwargs", type=json.loads, default={})
    parser.add_argument("--pooling", choices=("last",))
    for name in ("metrics", "offline", "no-ui", "no-slots", "embeddings", "reranking"):
        parser.add_argument(f"--{name}", action="store_true")
    return parser.parse_args(arguments)


def parameters(options: argparse.Namespace) -> CommonParams:
    """The same in xllamacpp's structure."""
    import xllamacpp  # noqa: PLC0415 - the parser is tested without it

    made = xllamacpp.CommonParams()
    made.model.path = options.model
    made.model_alias = {options.alias}
    made.hostnames = [options.host]
    made.port = options.port
    made.n_ctx = options.ctx_size
    made.n_parallel = options.parallel
    made.n_gpu_layers = options.n_gpu_layers
    made.cpuparams.n_threads = options.threads or processors()
    made.endpoint_metrics = options.metrics
    made.endpoint_slots = not options.no_slots
    made.ui = not options.no_ui
    made.offline = options.offline
    made.default_template_kwargs = {key: json.dumps(value) for key, value in options.chat_template_kwargs.items()}
    for name, cache_type in (("cache_type_k", options.cache_type_k), ("cache_type_v", options.cache_type_v)):
        if cache_type:
            setattr(made, name, getattr(xllamacpp.ggml_type, f"GGML_TYPE_{cache_type.upper()}"))
    if options.rope_scaling:
        made.rope_scaling_type = xllamacpp.llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_YARN
        made.rope_freq_scale = 1 / options.rope_scale
        made.yarn_orig_ctx = options.yarn_orig_ctx
    if options.embeddings or options.reranking:
        made.embedding = True
        made.n_batch = made.n_ubatch  # a text is embedded in one piece, as llama-server sees to itself
        pooling = xllamacpp.llama_pooling_type
        made.pooling_type = pooling.LLAMA_POOLING_TYPE_RANK if options.reranking else pooling.LLAMA_POOLING_TYPE_LAST
    return made


def processors() -> int:
    """Processors that this container may use: more threads than those wait for each other."""
    allowed = len(os.sched_getaffinity(0))
    quota, _, period = CPU_QUOTA.read_text().partition(" ") if CPU_QUOTA.is_file() else ("max", "", "")
    return allowed if quota == "max" else max(1, min(allowed, int(quota) // int(period)))


def main() -> None:
    """Serve until SIGTERM."""
    options = parse()
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # inherited by the server's threads: only sigwait gets them
    import xllamacpp  # noqa: PLC0415 - see parameters()

    server = xllamacpp.Server(parameters(options))
    signal.sigwait(signals)
    del server


if __name__ == "__main__":
    main()
