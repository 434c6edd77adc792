# SPDX-License-Identifier: BSD-3-Clause
"""Who is in a consumer group just now, and which partitions each member has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from igwn_alert_celery.kafka.admin import make_admin
from igwn_alert_celery.kafka.calls import CALL_S, answer_of, kafka_errors, ours
from igwn_alert_celery.kafka.client import admin_config
from igwn_alert_celery.record import TopicPartition

__all__ = ["Membership", "members_of"]


@dataclass(frozen=True, slots=True)
class Membership:
    """A consumer group: its state in Kafka's words, and the host of each partition's member."""

    state: str
    members: int
    hosts: Mapping[TopicPartition, str]


def members_of(config: Mapping[str, Any], consumer_group: str) -> Membership:
    """Ask for a consumer group; blocks for a few seconds at most.

    Parameters
    ----------
    config : mapping
        The options of a client.
    consumer_group : str

    Raises
    ------
    KafkaUnavailable
        Kafka does not answer, or does not tell.
    """
    with kafka_errors("asking for the members of the consumer group"):
        admin = make_admin(admin_config(config))
        futures = admin.describe_consumer_groups([consumer_group], request_timeout=CALL_S)
        found = answer_of(futures[consumer_group])
    hosts = {
        ours(part): str(member.host).lstrip("/")
        for member in found.members
        for part in (member.assignment.topic_partitions if member.assignment else ())
    }
    return Membership(found.state.name.lower(), len(found.members), hosts)
