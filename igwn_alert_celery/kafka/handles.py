# SPDX-License-Identifier: BSD-3-Clause
"""The Kafka clients of one thread: a consumer, and an administration client beside it.

librdkafka may lose all of its brokers for good: a broker that is being stopped answers its last
question for metadata with no brokers at all, and a client that sees the connection close before it
reads that answer never connects again (https://github.com/confluentinc/librdkafka/issues/5301, seen
with 2.16). No option helps, only new clients; whoever has got no answer for `SILENT_S` makes them.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import confluent_kafka

from igwn_alert_celery.errors import ConfigError, CredentialRefused, KafkaRefused
from igwn_alert_celery.kafka.admin import make_admin
from igwn_alert_celery.kafka.client import admin_config
from igwn_alert_celery.kafka.client_log import librdkafka_logger
from igwn_alert_celery.kafka.cluster import Cluster
from igwn_alert_celery.kafka.inherited import keep, let_go
from igwn_alert_celery.native import start_native_thread

__all__ = ["Handles"]

logger = logging.getLogger(__name__)

#: Longer than Kafka takes to restart: clients that may still find it by themselves are left alone.
_SILENT_S = 30.0
#: An administration client is in no group. Longer than it takes to turn from a broker that hangs to
#: another one (``socket.timeout.ms``), and a new one is given the time to find Kafka.
_ADMIN_SILENT_S = 12.0
_ADMIN_AGAIN_S = 30.0


class Handles:
    """Both clients, and the cluster as they see it.

    Making them connects nowhere yet.

    Parameters
    ----------
    config : mapping
        librdkafka's options. Holds secrets: never logged.
    **callbacks
        What librdkafka calls within ``poll``: ``error_cb``, ``on_commit``.

    Attributes
    ----------
    consumer : confluent_kafka.Consumer
    cluster : Cluster
        Stays the same when the clients are new.

    Raises
    ------
    ConfigError
        librdkafka refuses an option.
    CredentialRefused
        No first token came within ten seconds, for which this waits.
    """

    def __init__(self, config: Mapping[str, Any], **callbacks: Any) -> None:
        self._config = config
        self._watched = {"logger": librdkafka_logger(), **config, **callbacks}
        self.consumer, self._admin = self._make()
        self._admin_made_at = -_ADMIN_AGAIN_S
        self.cluster = Cluster(self.consumer, self._admin)

    def renew(self) -> bool:
        """Make new clients where Kafka has been silent for long; return whether they are new."""
        cluster = self.cluster
        try:
            return self._renew(cluster)
        except (ConfigError, KafkaRefused) as exc:
            # No token, say, while the network is cut: the old ones are no worse, and may mend.
            logger.warning("no new Kafka client could be made, going on with the old one: %s", exc)
            cluster.use(self.consumer, self._admin)
            return False

    def _renew(self, cluster: Cluster) -> bool:
        if cluster.silence.seconds >= _SILENT_S:
            logger.warning(
                "Kafka has not answered for %.0f s; going on with a new client",
                cluster.silence.seconds,
            )
            lost = self.consumer, self._admin
            self.consumer, self._admin = self._make()
            cluster.use(self.consumer, self._admin)
            _end_later(*lost)
            return True
        now = time.monotonic()
        if now >= self._admin_made_at + _ADMIN_AGAIN_S and _is_left_out(cluster):
            self._admin_made_at = now
            logger.warning("Kafka answers, but not to all questions; asking with a new client")
            gone, self._admin = self._admin, self._make_admin()
            cluster.use(self.consumer, self._admin)
            _end_later(gone)
        return False

    def close(self) -> None:
        """Leave the group, if any, and let both go; bounded by ``socket.timeout.ms``."""
        _end(self.consumer, self._admin)

    def _make(self) -> tuple[Any, Any]:
        consumer = self._made(confluent_kafka.Consumer, self._watched)
        try:
            return consumer, self._make_admin()
        except BaseException:
            _end_later(consumer)
            raise

    def _make_admin(self) -> Any:
        return self._made(make_admin, admin_config(self._config))

    def _made(self, make: Callable[[Any], Any], config: Mapping[str, Any]) -> Any:
        wrong: object = None
        try:
            client = make(config)
        except (KeyboardInterrupt, SystemExit):
            raise
        except:  # noqa: E722 - a KafkaError, which is no exception, may come out of an error_cb
            wrong = sys.exc_info()[1]
        if wrong is None:
            keep(client)
            return client
        raise self._refusal(wrong)

    def _refusal(self, wrong: Any) -> BaseException:
        """Return the reason why librdkafka makes no client."""
        if "oauth_cb" in self._config:
            # So confluent_kafka ends a wait for the first token, in one of several ways.
            return CredentialRefused(
                f"no token came within 10 s ({wrong}): see what the credential's token command, or "
                "its token endpoint, says"
            )
        if isinstance(wrong, confluent_kafka.KafkaException):
            return ConfigError(
                f"librdkafka refuses the configuration ({wrong.args[0].str()}): correct "
                "igwn_alert_kafka_options"
            )
        return wrong if isinstance(wrong, BaseException) else ConfigError(str(wrong))


def _is_left_out(cluster: Cluster) -> bool:
    """Whether Kafka has answered the consumer, and not the administration client meanwhile."""
    silence, answered_at = cluster.admin_silence, cluster.silence.answered_at
    if silence.since is None or answered_at is None or silence.seconds < _ADMIN_SILENT_S:
        return False
    return answered_at - silence.since >= _ADMIN_SILENT_S


def _end(*clients: Any) -> None:
    for client in clients:
        try:
            if isinstance(client, confluent_kafka.Consumer):
                client.close()
        except RuntimeError as exc:
            logger.debug("the Kafka consumer was closed already: %s", exc)
        finally:
            # With the last reference it ends.
            let_go(client)


def _end_later(*clients: Any) -> None:
    """End clients that may be lost, on a thread of its own: nobody may wait for them."""
    start_native_thread(partial(_end, *clients), "igwn-alert-lost-client")
