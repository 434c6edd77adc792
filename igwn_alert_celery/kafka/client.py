# SPDX-License-Identifier: BSD-3-Clause
"""The configuration that every Kafka client of ours starts from."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from hop.auth import Auth

from igwn_alert_celery.settings import Settings

__all__ = [
    "admin_config",
    "client_config",
    "consumer_config",
    "producer_config",
    "reader_config",
]

_CONSUMER_ONLY = (
    "group.",
    "session.",
    "heartbeat.",
    "max.poll",
    "fetch.",
    "queued.",
    "partition.assignment",
    "enable.auto",
    "enable.partition",
    "auto.offset",
    "allow.auto",
)
# Consumers warn of them, and of most there may be one in ``igwn_alert_kafka_options``.
_PRODUCER_ONLY = ("batch.", "compression.", "linger.", "message.timeout.", "queue.buffering.")
_NO_LOG = 0


def client_config(settings: Settings, credential: Auth | None) -> dict[str, Any]:
    """Return librdkafka's options for any client. Holds secrets: never log it."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "client.id": "igwn-alert-celery",
        # Bounds every request; librdkafka's own default of a minute would hang a shutdown.
        "socket.timeout.ms": 10_000,
        "socket.keepalive.enable": True,
        # Else the end of a request waits until the server's kernel has acknowledged its beginning,
        # and the request before it: an alert is sent later by that, and a send acknowledged.
        "socket.nagle.disable": True,
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

    The session of 6 s (the least that a broker allows by default) makes another worker take
    over in under 10 s; a heartbeat's answer is how it learns that one has left, hence two a second.
    """
    config = _without(_PRODUCER_ONLY, client_config(settings, credential))
    defaults: dict[str, Any] = {
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 500,
        "max.poll.interval.ms": 60_000,
        "topic.metadata.refresh.interval.ms": 5_000,
        # A deleted topic's partition is not fetched again for this long: time enough to see that
        # it was created again, before its new records are taken for the old topic's.
        "fetch.error.backoff.ms": 1_000,
        # librdkafka stops fetching for this long when its queue is full; its default is 1 s.
        "fetch.queue.backoff.ms": 2,
        # Bounds the memory of a backlog, and is more than is received while more is fetched.
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


def producer_config(
    settings: Settings, credential: Auth | None, batch_bytes: int = 100_000
) -> dict[str, Any]:
    """Return the options of a producer whose acknowledged records are there, once each.

    ``message.timeout.ms`` ends in the final report; what is on its way just then may have
    arrived, so it has to outlast a broker's restart. Kafka refuses a whole batch for being too
    large, also where each record is not. The default of ``batch_bytes`` is in every topic's limit;
    who takes more has to send again what was refused. A record that is larger travels alone.
    """
    config = _without(_CONSUMER_ONLY, client_config(settings, credential))
    defaults: dict[str, Any] = {
        "linger.ms": 0,
        "batch.size": batch_bytes,
        # Kafka's own default, the topics' limit with it.
        "message.max.bytes": 1_048_588,
        # How long a topic may be unknown after it was first asked for.
        "topic.metadata.propagation.max.ms": 3_000,
    }
    ours: dict[str, Any] = {
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": round(settings.publish_timeout_s * 1000),
    }
    return {**defaults, **config, **ours}


def reader_config(
    settings: Settings, credential: Auth | None, username: str | None
) -> dict[str, Any]:
    """Return the options of a reader without a consumer group: it joins and commits nothing.

    librdkafka wants a group all the same, and SCiMMA one that begins with the username.
    """
    name = f"{username}-" if username else ""
    defaults: dict[str, Any] = {
        "fetch.error.backoff.ms": 1_000,
        "fetch.queue.backoff.ms": 2,  # as above
        "queued.max.messages.kbytes": 32_768,
    }
    ours: dict[str, Any] = {
        "group.id": f"{name}reader-{uuid.uuid4().hex}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
        "enable.partition.eof": True,
    }
    config = _without(_PRODUCER_ONLY, client_config(settings, credential))
    return {**defaults, **config, **ours}


def admin_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an administration client beside a consumer with these options."""
    # It speaks to the same brokers, and the consumer reports the same errors.
    return {**_without(_CONSUMER_ONLY, config), "log_level": _NO_LOG}


def _without(beginnings: tuple[str, ...], config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not key.startswith(beginnings)}
