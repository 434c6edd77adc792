# SPDX-License-Identifier: BSD-3-Clause
"""Settings: default < ``app.conf.igwn_alert_*`` < keyword < environment ``IGWN_ALERT_*``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from igwn_alert_celery.settings_parse import check_all, collect, fields_given
from igwn_alert_celery.settings_rules import epoch_s

__all__ = ["Settings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that can be set; checked whole when it is made, and never changed.

    A field ``group`` is ``igwn_alert_group`` in ``app.conf``, ``group=`` as a keyword of
    :class:`IGWNAlert` and ``IGWN_ALERT_GROUP`` in the environment, where an empty variable counts
    as not set, topics are separated by commas and ``kafka_options`` is a JSON object.

    Raises
    ------
    SettingsError
        One line that names the key, its value (masked where it could be a secret), where it came
        from, and the rule that it breaks.
    """

    server: str = "kafka://kafka.scimma.org/"
    """URL of the Kafka service, ``kafka://host[:port]/``; a port in it wins over ``port``. It never
    holds a credential. Default: SCiMMA."""

    port: int = 9092
    """Port of the Kafka service where ``server`` has none, 1 to 65535. Default: 9092."""

    group: str = "gracedb"
    """igwn-alert's group, the prefix of every topic (``gracedb``, ``gracedb-playground``). Not
    Kafka's consumer group. Default: ``gracedb``."""

    noauth: bool = False
    """Connect without a credential, whatever credential could be found. Default: False."""

    username: str | None = None
    """SCiMMA username. Without ``password`` it selects that entry of auth.toml or netrc.
    Default: None, the only entry that matches the server."""

    password: str | None = field(default=None, repr=False)
    """Password of ``username``; better kept in auth.toml. Default: None."""

    authfile: str | None = None
    """Path of an auth.toml as ``hop auth add`` writes it; mode 0600. Default: None, hop's own."""

    netrc: str | None = None
    """Path of a netrc file, read where auth.toml has no match; mode 0600. Default: None,
    ``$NETRC``, else ``~/.netrc``."""

    consumer_group: str | None = None
    """Kafka's consumer group, which workers share and whose position survives restarts; SCiMMA
    demands that it begins with the username. Default: None, ``<username>-<app name>``, without a
    credential the app name."""

    topics: tuple[str, ...] = ()
    """Further topics or patterns (``cbc_*``) without the group, announced by signal only.
    Default: none, only those that handlers ask for."""

    enabled: bool | str | None = None
    """Whether workers listen: True, False, or ``"flag"`` (only those started with
    ``--igwn-alert``). Default: None, True where the app has handlers."""

    start_at: str | float | datetime = "latest"
    """Where a new consumer group starts: ``latest``, ``earliest``, or a moment as ISO time,
    datetime (UTC where it has no zone) or seconds since the Unix epoch. Default: ``latest``."""

    ignore_test: bool = True
    """Skip the records that hop marks as tests (header ``_test``); MDC and test superevents are
    no such records. Default: True."""

    max_bytes: int = 4_000_000
    """Largest alert, in bytes; a larger one becomes a dead letter. Default: 4 000 000."""

    offload_timeout_s: float = 10.0
    """Time limit for fetching a message too large for Kafka from where hop has offloaded it, in
    seconds, at most 12; then its record becomes a dead letter. Default: 10."""

    rewind_s: float | None = None
    """How far before Kafka's commit to start, in seconds, when Redis has lost its ledger: what was
    queued there is enqueued again. Default: None, at the commit."""

    kafka_options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    """Further options of librdkafka for every Kafka client, by librdkafka's names; those that carry
    the bridge's promises are refused. Masked wherever settings are shown. Default: none."""

    move_ledger: bool = False
    """Take the consumer group over although its commits name another task broker: for a deliberate
    move to a new Redis, and to be unset afterwards. Default: False."""

    dead_letter_max_count: int = 10_000
    """Most dead letters kept; beyond it the oldest go, logged and counted. Default: 10 000."""

    dead_letter_max_bytes: int = 100_000_000
    """Most bytes of dead letters kept; beyond it the oldest go. Default: 100 000 000."""

    state_dir: str | None = None
    """Folder of the SQLite file with dead letters and the group's memory where the task broker is
    not Redis. Default: None, ``$XDG_STATE_HOME/igwn-alert-celery``."""

    task_broker_timeout_s: float = 5.0
    """Time limit of each call to the task broker, in seconds, at most 60. Default: 5."""

    redelivery: bool = True
    """Whether workers see to it that a task of a killed worker is handled by another one within 30
    seconds, and a lost one at all. One value for all workers of a task broker. Default: True."""

    max_attempts: int = 3
    """How often a handler may take its process down with it, 1 to 100; then its alert becomes a
    dead letter ``killed_process``. Default: 3."""

    unknown_task_s: float = 600.0
    """How long a worker passes on a handler's task that it does not know (a newer worker's, in a
    rolling deployment), in seconds; then it becomes a dead letter. Default: 600."""

    on_failure: str = "restart"
    """What follows when the receiver fails unexpectedly or is stuck, or its configuration cannot
    work: ``restart`` it and keep the worker, or ``shutdown`` the worker, with exit code 1. Never
    follows from a server that is away. Default: ``restart``."""

    stuck_after_s: float = 45.0
    """How long the receiver's thread may go without polling Kafka before it counts as stuck, in
    seconds, 1 to 3600, and no less than twice ``task_broker_timeout_s``. A batch with slow filters
    takes up to 15 s and one record more; after 60 s Kafka gives its partitions to another worker.
    Default: 45."""

    wire_format: str = "gracedb"
    """How an alert that we send is written: ``gracedb`` (a JSON string that contains JSON, which
    every igwn-alert listener opens) or ``object`` (plain JSON). Default: ``gracedb``."""

    publish_queue: str | None = None
    """Queue for the tasks that send, to keep them apart from others; a worker has to consume it.
    Default: None, as the app routes them."""

    publish_timeout_s: float = 60.0
    """How long one try to send waits for Kafka's acknowledgement, in seconds, 5 to 900. Shorter
    than an outage, it may send an alert twice. Default: 60."""

    publish_retries: int = 60
    """How often a send is tried again when Kafka does not acknowledge it; then it becomes a dead
    letter. Default: 60, in about two hours."""

    publish_backoff_s: float = 60.0
    """Longest pause between two tries, in seconds; the first is of one second, each further one
    doubles. Default: 60."""

    def __post_init__(self) -> None:
        for name, value in check_all(fields_given(_as_dict(self), "argument")).items():
            object.__setattr__(self, name, value)

    @classmethod
    def build(
        cls,
        conf: Mapping[str, Any],
        keywords: Mapping[str, Any],
        environ: Mapping[str, str],
        *,
        namespaces: Sequence[str] = (),
    ) -> Settings:
        """Return the settings of one app; does not block.

        Parameters
        ----------
        conf : mapping
            The items of ``app.conf``, the latest change last; keys ``igwn_alert_*`` in any case
            are ours.
        keywords : mapping
            Fields without the prefix.
        environ : mapping
            The environment; ``IGWN_ALERT_APP`` and ``IGWN_ALERT_TEST_*`` are not settings.
        namespaces : sequence of str, optional
            Prefixes that keys in ``conf`` may carry, such as Celery's settings namespace
            ``CELERY``.

        Raises
        ------
        SettingsError
            An unknown key or a bad value, whichever source it came from, also where a stronger
            source gives that setting.
        """
        # What is checked here is checked again by the class; only here the source is known.
        defaults = fields_given(_as_dict(cls()), "default")
        return cls(**check_all((*defaults, *collect(conf, keywords, environ, namespaces))))

    @property
    def bootstrap(self) -> str:
        """``host:port`` of the Kafka service."""
        url = urlsplit(self.server)
        host = url.hostname or ""
        return f"{f'[{host}]' if ':' in host else host}:{url.port or self.port}"

    @property
    def topic_prefix(self) -> str:
        """What every full topic begins with: the group and a dot."""
        return f"{self.group}."

    @property
    def start_at_ms(self) -> int | None:
        """``start_at`` in milliseconds since the Unix epoch; None for latest and earliest."""
        if self.start_at in ("latest", "earliest"):
            return None
        return round(epoch_s(self.start_at) * 1000)

    def full_topic(self, topic: str) -> str:
        """Return Kafka's name of a topic: ``gracedb.superevent`` for ``superevent``."""
        return f"{self.topic_prefix}{topic}"

    def short_topic(self, topic: str) -> str:
        """Return a topic of Kafka without the group: ``superevent`` for ``gracedb.superevent``."""
        return topic.removeprefix(self.topic_prefix)


def _as_dict(settings: Settings) -> dict[str, Any]:
    return {item.name: getattr(settings, item.name) for item in fields(settings)}
