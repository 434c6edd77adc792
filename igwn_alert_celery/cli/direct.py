# SPDX-License-Identifier: BSD-3-Clause
"""`send` without -A: this process is the producer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from igwn_alert_celery.cli.outgoing import Outcome, Outgoing, place_of
from igwn_alert_celery.cli.questions import asking
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.wanted import missing_text
from igwn_alert_celery.errors import SendError, SendFailed, SendRefused
from igwn_alert_celery.kafka.client import producer_config
from igwn_alert_celery.kafka.producer import Delivery, Producer
from igwn_alert_celery.publisher.parcel import pack
from igwn_alert_celery.publisher.shipment import Shipment

__all__ = ["check_topics", "send_directly"]

_CLOSE_S = 5.0
# Pipelined, but few enough for a progress bar to move.
_MOST_AT_ONCE = 50


def check_topics(target: Target, topics: Sequence[str]) -> None:
    """Ask Kafka whether the topics are there, before anything is sent.

    Raises
    ------
    SendRefused
        One is not; with the nearest names.
    KafkaUnavailable
        It does not answer.
    """
    settings = target.settings
    with asking(target) as cluster:
        existing = cluster.view().topics
    for topic in topics:
        name = settings.full_topic(topic)
        if name not in existing:
            raise SendRefused(missing_text(settings, name, existing), name, "unknown_topic")


def send_directly(target: Target, outgoing: Sequence[Outgoing]) -> Iterator[Outcome]:
    """Send in order, and yield what became of each; blocks until Kafka has said so."""
    settings = target.settings
    producer = Producer(producer_config(settings, target.credential))
    try:
        for start in range(0, len(outgoing), _MOST_AT_ONCE):
            batch = outgoing[start : start + _MOST_AT_ONCE]
            parcels = [pack(settings, each.topic, each.file.text, *each.more) for each in batch]
            shipment = Shipment(str(uuid.uuid4()), parcels)
            records = shipment.pending(settings.topic_prefix, target.username)
            # The final report comes within the setting's time, or a little later.
            reports = producer.send([*records.values()], settings.publish_timeout_s + _CLOSE_S)
            for each, report in zip(batch, reports, strict=True):
                yield _outcome(each, report)
    finally:
        producer.close(_CLOSE_S)


def _outcome(each: Outgoing, report: Delivery | SendError) -> Outcome:
    if isinstance(report, Delivery):
        return Outcome(each, place_of(report.partition, report.offset, report.latency_ms))
    is_known = not isinstance(report, SendFailed) or report.is_final
    return Outcome(each, error=str(report), is_known=is_known)
