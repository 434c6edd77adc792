# SPDX-License-Identifier: BSD-3-Clause
"""What a run ran on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["machine", "versions"]

_PACKAGES = (
    *("igwn-alert-celery", "celery", "kombu", "redis", "confluent-kafka", "hop-client"),
    *("gevent", "orjson", "msgspec"),
)


def machine() -> dict[str, str]:
    """Return what the machine is like, and how busy it was when asked."""
    memory_kb = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0])
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory_kb / 2**20:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def versions() -> dict[str, str]:
    """Return the versions of what takes part."""
    found = {"Python": platform.python_version(), "igwn-alert (today's way)": "0.7.0"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, **_servers()}


def _servers() -> dict[str, str]:
    said = {
        "Redis server": _said(["redis-server", "--version"], r"v=(\S+)"),
        "RabbitMQ": _said(["dpkg-query", "-Wf", "${Version}", "rabbitmq-server"], r"([\d.]+)"),
        "Kafka": _kafka(),
        "commit": _said(["git", "describe", "--always", "--dirty"], r"(\S+)"),
    }
    return {name: text for name, text in said.items() if text}


def _kafka() -> str:
    pom = Path(__file__).parents[1] / "tests" / "services" / "kafka" / "pom.xml"
    found = re.search(r"kafka_[\d.]+</artifactId>\s*<version>([\d.]+)", pom.read_text())
    return found[1] if found else ""


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _said(argv: list[str], pattern: str) -> str:
    """Return what a program says of itself; empty where it is not installed."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return ""
    found = re.search(pattern, done.stdout)
    return found[1] if found else ""
