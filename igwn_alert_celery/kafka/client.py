# SPDX-License-Identifier: BSD-3-Clause
"""The configuration that every Kafka client of ours starts from."""

from __future__ import annotations

from typing import Any

from hop.auth import Auth

from igwn_alert_celery.settings import Settings

__all__ = ["client_config", "consumer_config"]


def client_config(settings: Settings, credential: Auth | None) -> dict[str, Any]:
    """Return librdkafka's options for any client. Holds secrets: never log it."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "client.id": "igwn-alert-celery",
        # Bounds every request; librdkafka's own default of a minute would hang a shutdown.
        "socket.timeout.ms": 10_000,
        "socket.keepalive.enable": True,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 1_000,
        "log.connection.close": False,
    }
    if credential is not None:
        config.update(credential())
    config.update(settings.kafka_options)
    return config


def consumer_config(
    settings: Settings, credential: Auth | None, consumer_group: str
) -> dict[str, Any]:
    """Return the options of the receiver's consumer.

    The session of 6 s (the least that a broker allows by default) with heartbeats every
    second makes another worker take over in under 10 s.
    """
    config = client_config(settings, credential)
    defaults: dict[str, Any] = {
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 1_000,
        "max.poll.interval.ms": 60_000,
        "topic.metadata.refresh.interval.ms": 5_000,
        # librdkafka stops fetching for this long when its queue is full; its default is 1 s.
        "fetch.queue.backoff.ms": 2,
        "queued.max.messages.kbytes": 32_768,
    }
    ours: dict[str, Any] = {
        "group.id": consumer_group,
        "group.protocol": "classic",
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
    }
    return {**defaults, **config, **ours}
