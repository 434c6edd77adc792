# SPDX-License-Identifier: BSD-3-Clause
"""toxiproxy: a detour to each server, with latency, cuts and connections that fall silent."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.services.absent import Absent, program
from tests.services.ports import free_port
from tests.services.process import Process
from tests.services.service import Service

__all__ = ["TOXIPROXY", "Link", "Links"]

TOXIPROXY = "2.12.0"
_MODULE = f"github.com/Shopify/toxiproxy/v2/cmd/server@v{TOXIPROXY}"
_CACHE = Path(__file__).parents[2] / ".cache" / "toxiproxy"
_BUILD_S = 300.0
_CALL_S = 10.0


class Links(Service):
    """One toxiproxy server, found on the search path or built once with Go, in ``.cache``."""

    variable = "IGWN_ALERT_TEST_FAULTS_TOXIPROXY"

    def add(self, name: str, listen: int, upstream: int) -> Link:
        """Open a detour from one port of the loopback address to another, or find it open."""
        what = {"listen": f"127.0.0.1:{listen}", "upstream": f"127.0.0.1:{upstream}"}
        if name in self.call("GET", "/proxies"):
            self.call("DELETE", f"/proxies/{name}")
        self.call("POST", "/proxies", {"name": name, "enabled": True, **what})
        return Link(self, name)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return what toxiproxy's HTTP interface answers."""
        answer = requests.request(method, f"{self.address}{path}", json=body, timeout=_CALL_S)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _prepare(self) -> str:
        self._program = _toxiproxy()
        self._port = free_port()
        return f"http://127.0.0.1:{self._port}"

    def _launch(self) -> Process:
        return Process([self._program, "-host", "127.0.0.1", "-port", str(self._port)], self.folder)

    def _answers(self) -> bool:
        try:
            return bool(self.call("GET", "/version"))
        except requests.RequestException:
            return False


class Link:
    """One detour; :meth:`heal` ends what the others began."""

    def __init__(self, links: Links, name: str) -> None:
        self._links = links
        self._path = f"/proxies/{name}"

    def slow(self, latency_ms: int, jitter_ms: int = 0) -> None:
        """Hold up what goes through, both ways."""
        self._toxic("latency", {"latency": latency_ms, "jitter": jitter_ms})

    def cut(self) -> None:
        """Close all connections and refuse new ones."""
        self._links.call("POST", self._path, {"enabled": False})

    def reset(self) -> None:
        """Answer whoever sends or connects with a reset, until :meth:`heal`."""
        self._toxic("reset_peer", {"timeout": 0})

    def silence(self) -> None:
        """Let connections stay open, also new ones, and nothing go through: half open."""
        self._toxic("timeout", {"timeout": 0})

    def heal(self) -> None:
        """Let all go through again; connections that were silent are closed."""
        for toxic in self._links.call("GET", f"{self._path}/toxics"):
            self._links.call("DELETE", f"{self._path}/toxics/{toxic['name']}")
        self._links.call("POST", self._path, {"enabled": True})

    def _toxic(self, kind: str, attributes: dict[str, int]) -> None:
        for stream in ("upstream", "downstream"):
            toxic = {"name": f"{kind}-{stream}", "type": kind, "stream": stream}
            self._links.call("POST", f"{self._path}/toxics", {**toxic, "attributes": attributes})


def _toxiproxy() -> str:
    if (found := shutil.which("toxiproxy-server")) is not None:
        return found
    built = _CACHE / TOXIPROXY / "server"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:  # test runs side by side build once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            _build(built.parent)
    return str(built)


def _build(folder: Path) -> None:
    go = program("go", "install toxiproxy-server, or Go to build it with")
    environ = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, "install", _MODULE],
        env=environ,
        capture_output=True,
        text=True,
        timeout=_BUILD_S,
        check=False,
    )
    if done.returncode:
        raise Absent(f"toxiproxy {TOXIPROXY} could not be built:\n{done.stderr[-2000:]}")
