# The image of an engine pod: this project's runtime (PID 1) in front of the engine. Context: the repository root.
#
#   docker build --network host --build-arg ENGINE_IMAGE=qwen3-serving/sglang-cpu:0.5.23 -t qwen3-runtime-sglang-cpu:dev \
#     -f runtime/images/runtime.Dockerfile .
#
# The runtime has a venv of its own, so that no pin of it can change what the engine was tested with. It starts the
# engine with ENGINE_PYTHON. Other engine images (CUDA, Ascend) take the same steps with their own base.
ARG ENGINE_IMAGE=qwen3-serving/sglang-cpu:0.5.23
FROM ${ENGINE_IMAGE}
# The Python that has SGLang: in the vendors' images not the one of /opt/engine.
ARG ENGINE_PYTHON=/opt/engine/bin/python
ENV QWEN3_ENGINE_PYTHON=${ENGINE_PYTHON}
USER 0
COPY requirements/runtime.txt /opt/runtime/requirements.txt
RUN ${ENGINE_PYTHON} -m venv /opt/runtime \
 && /opt/runtime/bin/pip install -q --no-cache-dir --disable-pip-version-check --require-hashes \
    -r /opt/runtime/requirements.txt \
 && /opt/runtime/bin/pip uninstall -q -y pip setuptools
COPY runtime/qwen3_runtime /opt/runtime/src/qwen3_runtime
# The interpreter finds the code through a .pth file rather than PYTHONPATH, which the engine would inherit.
RUN packages=$(/opt/runtime/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
 && echo /opt/runtime/src > "$packages/qwen3_runtime.pth" \
 && /opt/runtime/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/runtime/src
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/opt/runtime/bin/python", "-m", "qwen3_runtime"]
