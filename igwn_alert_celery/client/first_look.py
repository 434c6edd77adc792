# SPDX-License-Identifier: BSD-3-Clause
"""The first question to Kafka: soon it shows whether it takes us, and it is not waited for long."""

from __future__ import annotations

import time

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import CALL_S
from igwn_alert_celery.kafka.cluster import ClusterView
from igwn_alert_celery.kafka.consumer import Consumer

__all__ = ["first_look"]

_TRY_S = 1.0


def first_look(consumer: Consumer) -> ClusterView:
    """Return the topics that the credential may see; blocks for 5 s at most.

    Raises
    ------
    KafkaRefused
        Kafka refuses the credential, or its certificate does not fit.
    KafkaUnavailable
        It does not answer.
    """
    deadline = time.monotonic() + CALL_S - _TRY_S
    while True:
        try:
            with consumer.explained():
                return consumer.cluster.view(_TRY_S)
        except KafkaUnavailable:
            if time.monotonic() > deadline:
                raise
