"""kubectl for tests: thin, typed, and its errors carry what kubectl said."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from qwen3_runtime.server.listen import free_port
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Object = dict[str, Any]


class KubectlError(AssertionError):
    """kubectl refused; the text is its own."""


def poll(what: str, check: Callable[[], Any], *, timeout: float, interval: float = 0.5) -> Any:
    """First truthy answer of ``check``, or an AssertionError with its last one."""
    deadline = time.monotonic() + timeout
    answer = check()
    while not answer:
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(interval)
        answer = check()
    return answer


@dataclass(frozen=True)
class Kube:
    """One cluster as its administrator."""

    kubeconfig: Path
    kubectl: Path

    def command(self, *args: str | Path) -> list[str]:
        """A kubectl command line against this cluster."""
        return [str(self.kubectl), f"--kubeconfig={self.kubeconfig}", *map(str, args)]

    def run(self, *args: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Stdout of ``kubectl ARGS``."""
        return self._done(*args, stdin=stdin, timeout=timeout).stdout

    def _done(self, *args: str, stdin: str | None, timeout: float) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*args),
            input=stdin, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done

    def apply(self, *objects: Object, server_dry_run: bool = False) -> str:
        """Server-side apply."""
        return self._applied(*objects, server_dry_run=server_dry_run).stdout

    def warnings(self, *objects: Object, server_dry_run: bool = False) -> list[str]:
        """What the API server warns of at a server-side apply, which must succeed."""
        lines = self._applied(*objects, server_dry_run=server_dry_run).stderr.splitlines()
        return [line.removeprefix("Warning: ") for line in lines if line.startswith("Warning: ")]

    def _applied(self, *objects: Object, server_dry_run: bool) -> subprocess.CompletedProcess[str]:
        extra = ["--dry-run=server"] if server_dry_run else []
        return self._done(
            "apply", "--server-side", "--force-conflicts", "--field-manager=tests", *extra, "-f", "-",
            stdin=yaml.safe_dump_all(objects), timeout=60,
        )  # fmt: skip

    def get(self, kind: str, name: str, namespace: str = "") -> Object:
        """One object."""
        answer: Object = json.loads(self.run("get", kind, name, *_in(namespace), "-o", "json"))
        return answer

    def find(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """One object, or None where there is none."""
        text = self.run("get", kind, name, *_in(namespace), "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def list(self, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """All objects of a kind."""
        where = _in(namespace) if namespace else ["-A"]
        items: list[Object] = json.loads(self.run("get", kind, *where, *_selected(selector), "-o", "json"))["items"]
        return items

    def patch(self, kind: str, name: str, namespace: str, patch: Mapping[str, Any]) -> None:
        """JSON merge patch."""
        self.run("patch", kind, name, *_in(namespace), "--type=merge", "-p", json.dumps(patch))

    def condition(self, name: str, namespace: str, kind: str) -> Object:
        """A condition of a Qwen3Deployment; empty while it has none."""
        found = self.find("q3d", name, namespace)
        conditions = (found or {}).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), {})

    def wait_condition(
        self, name: str, namespace: str, kind: str, status: str, *, reason: str = "", timeout: float = 180
    ) -> Object:
        """Wait for a condition that was observed at the current generation."""

        def reached() -> Object | None:
            found = self.get("q3d", name, namespace)
            for c in found.get("status", {}).get("conditions", []):
                current = c["observedGeneration"] == found["metadata"]["generation"]
                if (c["type"], c["status"]) == (kind, status) and current and reason in ("", c["reason"]):
                    return dict(c)
            return None

        try:
            answer: Object = poll(f"{name}: {kind}={status} {reason}", reached, timeout=timeout)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.run('describe', 'q3d', name, *_in(namespace))}") from None
        return answer

    @contextlib.contextmanager
    def forward(self, target: str, namespace: str, port: int) -> Iterator[str]:
        """Base URL of a forwarded port."""
        local = free_port()
        command = self.command("port-forward", *_in(namespace), target, f"{local}:{port}")
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            poll(f"port-forward to {target}", lambda: _listens(local), timeout=HANG_SECONDS, interval=0.1)
            yield f"http://127.0.0.1:{local}"
        finally:
            process.terminate()
            process.wait(HANG_SECONDS)


def _in(namespace: str) -> list[str]:
    return ["-n", namespace] if namespace else []


def _selected(selector: str) -> list[str]:
    return ["-l", selector] if selector else []


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex(("127.0.0.1", port)) == 0
