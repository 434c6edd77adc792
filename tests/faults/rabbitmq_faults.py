# SPDX-License-Identifier: BSD-3-Clause
"""What is done to RabbitMQ."""

from __future__ import annotations

from functools import partial

from tests.faults.fault import Fault
from tests.faults.link_faults import link_faults
from tests.faults.redis_faults import away
from tests.faults.servers import FaultRabbitMQ, frozen
from tests.faults.stage import Stage

__all__ = ["RABBITMQ_FAULTS"]

AWAY_S = 3.0
HANGING_S = 10.0


def _server(stage: Stage) -> FaultRabbitMQ:
    if stage.servers.rabbitmq is None:
        raise RuntimeError("this run has no RabbitMQ")
    return stage.servers.rabbitmq


def _restart(stage: Stage) -> None:
    with away(stage):
        _server(stage).stop()
        stage.last_for(AWAY_S)
        _server(stage).start()


def _freeze(stage: Stage) -> None:
    with away(stage), frozen(_server(stage)):
        stage.last_for(HANGING_S)


_on_rabbitmq = partial(Fault, task_brokers=("rabbitmq",))

RABBITMQ_FAULTS = (
    _on_rabbitmq("RabbitMQ: stopped for 3 s, started again", _restart),
    _on_rabbitmq("RabbitMQ: SIGSTOP for 10 s", _freeze),
    *link_faults("rabbitmq", "RabbitMQ", _on_rabbitmq, away),
)
