"""A client inside the cluster: runs chats for some time and says what came back.

Runs as a pod with the operator's image (it has Python and aiohttp), under Pod Security "restricted".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.kube import poll
from tests.objects import RESTRICTED

if TYPE_CHECKING:
    from tests.kube import Kube

PYTHON = "/opt/operator/bin/python"
SCRIPT = r"""
import asyncio, json, signal, sys, time
import aiohttp
from urllib.parse import urlsplit

url, seconds, concurrency, stream = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "stream"
body, headers = json.loads(sys.argv[5]), json.loads(sys.argv[6])
body["stream"] = stream
good, failures, over = 0, [], asyncio.Event()

async def admitted():
    # The nodes' NetworkPolicies must know this pod's address first: they refuse a new pod for a second or two.
    target, end = urlsplit(url), time.monotonic() + 15
    while time.monotonic() < end:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(target.hostname, target.port or 80), 5)
        except (OSError, TimeoutError):
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return

async def once(session):
    async with session.post(url + "/chat/completions", json=body, headers=headers) as response:
        text = await response.text()
        if response.status != 200:
            return f"{response.status}: {text[:200]}"
        if stream and not text.rstrip().endswith("data: [DONE]"):
            return f"stream ended without [DONE]: {text[-200:]}"
        if not stream and not json.loads(text)["choices"]:
            return f"no choices: {text[:200]}"
    return ""

async def worker(session):
    global good
    began = time.monotonic()
    while not over.is_set():
        try:
            failed = await once(session)
        except aiohttp.ClientError as error:
            failed = repr(error)
        if failed:
            failures.append(f"{failed} (after {time.monotonic() - began:.1f} s)")
            await asyncio.sleep(0.5)
        else:
            good += 1

async def main():
    await admitted()
    # A new connection per request: what a Service balances is connections.
    connector = aiohttp.TCPConnector(force_close=True)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, over.set)
        loop.call_later(seconds, over.set)
        print("started", flush=True)
        await asyncio.gather(*(worker(session) for _ in range(concurrency)))
    print(json.dumps({"good": good, "failures": failures}), flush=True)

asyncio.run(main())
"""


@dataclass(frozen=True)
class Load:
    """A running load pod."""

    kube: Kube
    namespace: str
    name: str

    def result(self, timeout: float) -> dict[str, Any]:
        """Counts of good answers and the texts of failures, once the pod has ended."""
        poll("load pod ended", self._ended, timeout=timeout, interval=1)
        answer: dict[str, Any] = json.loads(self._log().splitlines()[-1])
        return answer

    def stop(self) -> None:
        """No new requests from now on; those that run are waited for."""
        stop = "import os, signal; os.kill(1, signal.SIGUSR1)"
        self.kube.run("exec", self.name, "-n", self.namespace, "--", PYTHON, "-c", stop)

    def wait_started(self) -> None:
        """The first requests are on their way."""
        poll("load pod started", lambda: self._ended() or "started" in self._log(), timeout=60)

    def _log(self) -> str:
        phase = self.kube.get("pod", self.name, self.namespace)["status"]["phase"]
        return "" if phase == "Pending" else self.kube.run("logs", self.name, "-n", self.namespace)

    def _ended(self) -> bool:
        return self.kube.get("pod", self.name, self.namespace)["status"]["phase"] in ("Succeeded", "Failed")


def start_load(
    kube: Kube, namespace: str, image: str, url: str, *,
    seconds: float, concurrency: int = 2, stream: bool = True, body: dict[str, Any],
    headers: dict[str, str] | None = None, name: str = "load",
) -> Load:  # fmt: skip
    """Start the pod."""
    mode = "stream" if stream else "whole"
    arguments = [SCRIPT, url, str(seconds), str(concurrency), mode, json.dumps(body), json.dumps(headers or {})]
    container = {
        "name": "load",
        "image": image,
        "command": [PYTHON, "-c", *arguments],
        "securityContext": RESTRICTED,
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]},
    }
    kube.apply(pod)
    load = Load(kube, namespace, name)
    load.wait_started()
    return load
