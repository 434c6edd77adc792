# SPDX-License-Identifier: BSD-3-Clause
"""The servers of the fault tests: of their own, since they are killed and frozen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.stage import Servers
from tests.faults.theatre import theatre
from tests.faults.ways import Way, todays
from tests.services.absent import Absent


def _absent(exc: Absent) -> None:
    if os.environ.get("CI"):
        pytest.fail(str(exc))
    pytest.skip(str(exc))


def _servers(*, rabbitmq: bool) -> Iterator[Servers]:
    with ExitStack() as ends:
        try:
            servers = ends.enter_context(theatre(rabbitmq=rabbitmq))
        except Absent as exc:
            _absent(exc)
        yield servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Kafka and Redis, with detours."""
    yield from _servers(rabbitmq=False)


@pytest.fixture(scope="session")
def rabbitmq_servers() -> Iterator[Servers]:
    """The same and RabbitMQ."""
    yield from _servers(rabbitmq=True)


@pytest.fixture(scope="session")
def todays_way() -> Way:
    """The real igwn-alert in a Celery worker."""
    try:
        return todays()
    except Absent as exc:
        _absent(exc)
        raise
