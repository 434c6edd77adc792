# SPDX-License-Identifier: BSD-3-Clause
"""From an app's configuration to a receiver: what has to be right first, and what is connected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from kombu.utils.compat import detect_environment

from igwn_alert_celery.consumer_group import consumer_group_of
from igwn_alert_celery.enqueue.opening import make_enqueuer
from igwn_alert_celery.enqueue.tls import tls_warnings
from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.kafka.client import consumer_config
from igwn_alert_celery.kafka.consumer import Consumer
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.metrics import Metrics, State
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.banner import banner, say
from igwn_alert_celery.worker.first_requests import FirstRequests
from igwn_alert_celery.worker.overview import topic_states
from igwn_alert_celery.worker.parts import Parts
from igwn_alert_celery.worker.pipeline import Pipeline
from igwn_alert_celery.worker.positions import Positions
from igwn_alert_celery.worker.receiver import Receiver
from igwn_alert_celery.worker.rolling import handlers_mark, warn_of_other_handlers
from igwn_alert_celery.worker.topic_watch import TopicWatch
from igwn_alert_celery.worker.writer import Writer

__all__ = ["Plan", "connect"]

logger = logging.getLogger(__name__)

SetState = Callable[[State, str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a receiver is made from; making it reads files and connects nowhere."""

    bridge: Any
    settings: Settings
    consumer_group: str
    username: str | None
    config: Mapping[str, Any] = field(repr=False)
    credential: Any = field(repr=False)

    @classmethod
    def of(cls, bridge: Any, environ: Mapping[str, str]) -> Plan:
        """Return the plan; raises :exc:`ConfigError`."""
        settings: Settings = bridge.settings
        if not bridge.topics:
            raise ConfigError(
                "there is nothing to listen to: declare a handler (and import its module in the "
                "worker, by include=), or set igwn_alert_topics"
            )
        credential = load_credential(settings, environ)
        if credential and credential.token_command and detect_environment() == "gevent":
            # gevent runs other programs from its main thread alone.
            raise ConfigError(
                "the credential's token_command cannot run under -P gevent: start the worker that "
                "listens with another pool, such as prefork or threads"
            )
        username = credential.username if credential else None
        group = consumer_group_of(settings, username, bridge.app.main)
        config = consumer_config(settings, credential, group)
        return cls(bridge, settings, group, username, config, credential)

    def describe(self, metrics: Metrics) -> None:
        """Write into the metrics what is known before anything is connected."""
        metrics.server, metrics.username = self.settings.bootstrap, self.username
        metrics.group, metrics.consumer_group = self.settings.group, self.consumer_group


def connect(plan: Plan, set_state: SetState, closing: ExitStack) -> Receiver:
    """Connect to the task broker and to Kafka, say what was found, and return a receiver.

    Parameters
    ----------
    plan : Plan
    set_state : callable
        Announces a state.
    closing : contextlib.ExitStack
        Is given what has to be closed after the receiver.

    Raises
    ------
    ConfigError
        Another deployment uses the consumer group, or a file or option is wrong.
    RetryableError
        One of the two does not answer.
    """
    bridge, settings, metrics = plan.bridge, plan.settings, plan.bridge.metrics
    enqueuer = make_enqueuer(bridge.app, settings, plan.consumer_group)
    closing.callback(enqueuer.close)
    enqueuer.open()
    metrics.guarantee, metrics.ordinary_way = enqueuer.guarantee, enqueuer.ordinary_way
    for warning in (*tls_warnings(bridge.app), *enqueuer.warnings()):
        if warning not in metrics.warnings:
            logger.warning(warning)
            metrics.warnings = (*metrics.warnings, warning)
    consumer = Consumer(dict(plan.config))
    closing.callback(consumer.close)
    topics = TopicWatch(consumer.cluster, settings, bridge.topics, plan.consumer_group)
    topics.take_out(metrics.unsubscribed)
    requests = FirstRequests(settings, consumer.cluster, enqueuer.memory, plan.consumer_group)
    positions = Positions(settings, consumer.cluster, enqueuer, requests, metrics)
    with consumer.explained():
        _introduce(plan, consumer, topics, positions)
    fetch = OffloadFetcher(
        plan.config, plan.credential, settings.offload_timeout_s, settings.max_bytes
    )
    tasks = bridge.app.tasks
    pipeline = Pipeline(settings, bridge.registry, tasks, enqueuer.prepare, bridge, fetch)
    writer = Writer(pipeline, enqueuer, metrics)
    mark = handlers_mark(bridge.registry)
    return Receiver(
        Parts(consumer, enqueuer, topics, requests, positions, writer, metrics, mark, set_state)
    )


def _introduce(
    plan: Plan,
    consumer: Consumer,
    topics: TopicWatch,
    positions: Positions,
) -> None:
    topics.look()
    consumer.check_group()
    topics.describe(plan.bridge.metrics)
    view = topics.view
    commits = positions.check_group(view.partitions(topics.existing))
    warn_of_other_handlers(handlers_mark(plan.bridge.registry), commits.values())
    states = topic_states(consumer.cluster, view, topics.wanted, commits)
    say(banner(plan.bridge.metrics, plan.settings, plan.bridge.registry, states))
