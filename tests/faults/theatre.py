# SPDX-License-Identifier: BSD-3-Clause
"""All servers that runs need, with a detour to each, started once for many runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.faults.links import Links
from tests.faults.servers import FaultKafka, FaultRabbitMQ, FaultRedis
from tests.faults.stage import Servers
from tests.services.service import Service

__all__ = ["theatre"]


@contextmanager
def theatre(*, rabbitmq: bool = True) -> Iterator[Servers]:
    """Start them; end them for certain."""
    with ExitStack() as ends:

        def start(service: Service) -> None:
            ends.callback(service.close)
            service.start()

        links, kafka, redis = Links(), FaultKafka(), FaultRedis()
        for service in (links, kafka, redis):
            start(service)
        detours = {
            "kafka": links.add("kafka", kafka.detour_port, kafka.port),
            "redis": links.add("redis", redis.detour_port, redis.port),
        }
        amqp = None
        if rabbitmq:
            amqp = FaultRabbitMQ()
            start(amqp)
            detours["rabbitmq"] = links.add("rabbitmq", amqp.detour_port, amqp.port)
        yield Servers(kafka, redis, amqp, detours)
