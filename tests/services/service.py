# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka, Redis and RabbitMQ have in common here."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from tests.services.process import Process

__all__ = ["Service"]


class Service(ABC):
    """
    A server that the tests start, or a running one that the environment names.

    Attributes
    ----------
    address : str
        Where clients find it. It stays the same over stop and start, as do the data.
    """

    variable: ClassVar[str]  # the environment variable that names a running one
    start_timeout_s: ClassVar[float] = 180.0

    def __init__(self, address: str | None = None) -> None:
        self.foreign = address is not None
        self._process: Process | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.address = address if address is not None else self._prepare()

    @property
    def folder(self) -> Path:
        """The temporary folder, made when first asked for."""
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix=f"igwn-alert-{type(self).__name__.lower()}-", ignore_cleanup_errors=True
            )
        return Path(self._temporary.name)

    @property
    def running(self) -> bool:
        """Whether it runs; a foreign one is taken to."""
        return self.foreign or (self._process is not None and self._process.alive)

    def start(self) -> None:
        """Start it, with the data it had, and wait until it answers. Does nothing when it runs."""
        if not self.running:
            self._process = self._launch()
            self._process.wait_ready(self._answers, self.start_timeout_s)

    def stop(self) -> None:
        """Stop it in order; its data stay. Skips the test when the server is not ours."""
        self._own().terminate()

    def kill(self) -> None:
        """Kill it as a crash would; its data stay. Skips the test when the server is not ours."""
        self._own().kill()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let it hang: it keeps its connections and answers nobody."""
        process = self._own()
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def close(self) -> None:
        """End it for good and remove its data; a foreign one is left alone."""
        if self._process is not None:
            self._process.terminate(timeout_s=5.0)
        if self._temporary is not None:
            self._temporary.cleanup()

    def _own(self) -> Process:
        if self.foreign:
            pytest.skip(f"{self.variable} names a server that the tests must not stop")
        if self._process is None:
            raise RuntimeError(f"{type(self).__name__} was never started")
        return self._process

    @abstractmethod
    def _prepare(self) -> str:
        """Look for the programs (or raise `Absent`), choose ports, and return the address."""

    @abstractmethod
    def _launch(self) -> Process:
        """Start the server's process."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the server answers a client."""
