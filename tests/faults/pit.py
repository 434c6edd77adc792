# SPDX-License-Identifier: BSD-3-Clause
"""Runs one after the other, or side by side, each side on servers of its own."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.stage import Servers
from tests.faults.theatre import theatre

__all__ = ["Job", "play"]


@dataclass(frozen=True, slots=True)
class Job:
    """One run: its name, what it does on which servers and in which folder."""

    name: str
    does: Callable[[Servers, Path], dict[str, Any]]
    rabbitmq: bool = False


def play(
    jobs: list[Job], folder: Path, sides: int, done: Callable[[Job, dict[str, Any]], None]
) -> None:
    """
    Do all jobs; blocks, and raises what kept one from being done.

    Parameters
    ----------
    jobs : list of Job
        In their order.
    folder : Path
        Each gets a folder in it.
    sides : int
        How many run at the same time.
    done : callable
        Called with each job and its result, by one side at a time.
    """
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    speaking, failed = threading.Lock(), []

    def side() -> None:
        try:
            with theatre(rabbitmq=any(job.rabbitmq for job in jobs)) as servers:
                while not failed and (job := _next(waiting)) is not None:
                    result = job.does(servers, _folder(folder, job.name))
                    with speaking:
                        done(job, result)
        except BaseException as exc:  # noqa: BLE001 - raised below
            failed.append(exc)

    # Daemons, so that ctrl-C ends all at once; the servers and workers end with this process.
    threads = [
        threading.Thread(target=side, name=f"side {n}", daemon=True)
        for n in range(min(sides, len(jobs)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _next(waiting: queue.SimpleQueue[Job]) -> Job | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def _folder(folder: Path, name: str) -> Path:
    plain = re.sub(r"\W+", "-", name).strip("-")
    number = sum(item.name.startswith(plain) for item in folder.iterdir())
    made = folder / (f"{plain}-{number + 1}" if number else plain)
    made.mkdir()
    return made
