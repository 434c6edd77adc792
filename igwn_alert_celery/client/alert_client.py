# SPDX-License-Identifier: BSD-3-Clause
"""The class ``client``, as igwn-alert 0.7.0 has it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from hop import Stream

from igwn_alert_celery.client.address import checked
from igwn_alert_celery.client.argument import check_seconds, check_text, check_whole
from igwn_alert_celery.client.connection import Connections
from igwn_alert_celery.client.defaults import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_BATCH_TIMEOUT,
    DEFAULT_GROUP,
    DEFAULT_LISTEN_RETRIES,
    DEFAULT_PORT,
    DEFAULT_RETRY_WAIT,
    DEFAULT_SERVER,
)
from igwn_alert_celery.client.given_up import GivenUp
from igwn_alert_celery.client.listening import Listening
from igwn_alert_celery.client.login import login
from igwn_alert_celery.client.sessions import Sessions, listed

__all__ = ["client"]


class client(Sessions, GivenUp, Stream):  # noqa: N801 - igwn-alert's name
    """Listens for IGWN alerts and publishes them, with or without a Celery app.

    A parameter that is None has its default. Nothing is read from an app's configuration or from
    ``IGWN_ALERT_*`` in the environment.

    Parameters
    ----------
    username, password : str, optional
        Both, or neither: then auth.toml or netrc is asked.
    auth : hop.auth.Auth, list of Auth, or bool, optional
        Comes before all other credentials; False means none.
    authfile : str, optional
        Path of an auth.toml.
    noauth : bool
        No credential.
    group : str
        Prefix of the topics, such as ``gracedb-playground``.
    consumer_group : str, optional
        Kafka's consumer group: its members share the alerts, and it goes on where it stopped.
        Without it the client sees every alert from now on, whoever else listens, and commits
        nothing.
    server : str
        ``kafka://host[:port]/``; a port in it wins over ``port``.
    port : int
    batch_size : int
        Most alerts to take at once.
    batch_timeout : datetime.timedelta or float
        Longest wait for the first of them (seconds); never waited out when there is one.
    retry_on_fatal : bool
        Whether :meth:`listen` opens another stream after a fatal error of the Kafka client. An
        outage is none: it is waited for in any case.
    listen_retries : int
        How many fatal errors in a row end it.
    retry_wait : float
        Seconds before the next stream.
    jsonpp_on : bool
        Print indented JSON where there is no callback.

    Attributes
    ----------
    group_prefix : str
        ``group``.
    base_url_prefix : str
        Server, port and group as a URL.
    sessions : dict
        What :meth:`connect` opened, by topic.
    stop_listening : threading.Event
        Set by :meth:`stop`.
    auth_obj : Auth, list of Auth, or bool
        The credential; ``auth`` is hop's list of it, or None.

    Raises
    ------
    ArgumentError
        An argument is not allowed.
    CredentialError
        Half a credential, or a file that is missing, broken, or open to others.
    """

    def __init__(
        self,
        username: str | None = None,
        password: str | None = None,
        auth: Any = None,
        authfile: str | os.PathLike[str] | None = None,
        noauth: bool | None = False,
        group: str | None = DEFAULT_GROUP,
        consumer_group: str | None = None,
        server: str | None = DEFAULT_SERVER,
        port: int | None = DEFAULT_PORT,
        batch_size: int | None = DEFAULT_BATCH_SIZE,
        batch_timeout: timedelta | float | None = DEFAULT_BATCH_TIMEOUT,
        retry_on_fatal: bool | None = False,
        listen_retries: int | None = DEFAULT_LISTEN_RETRIES,
        retry_wait: float | None = DEFAULT_RETRY_WAIT,
        jsonpp_on: bool | None = False,
    ) -> None:
        self.server = DEFAULT_SERVER if server is None else server
        self.group_prefix = DEFAULT_GROUP if group is None else group
        port = DEFAULT_PORT if port is None else port
        settings = checked(self.server, port, self.group_prefix, noauth=bool(noauth))
        self.port = int(settings.bootstrap.rpartition(":")[2])
        if port not in {self.port, DEFAULT_PORT}:
            warnings.warn(
                f"the port in {self.server} wins over port={port}", UserWarning, stacklevel=2
            )
        self.consumer_group = check_text("consumer_group", consumer_group)
        self.batch_size = check_whole("batch_size", batch_size, DEFAULT_BATCH_SIZE)
        self.batch_timeout = check_seconds("batch_timeout", batch_timeout, DEFAULT_BATCH_TIMEOUT)
        self.retry_on_fatal = bool(retry_on_fatal)
        self.listen_retries = check_whole(
            "listen_retries", listen_retries, DEFAULT_LISTEN_RETRIES, least=0
        )
        self.retry_wait = check_seconds("retry_wait", retry_wait, DEFAULT_RETRY_WAIT)
        self.jsonpp_on = bool(jsonpp_on)
        self.stop_listening = threading.Event()
        self._bootstrap = settings.bootstrap
        self.base_url_prefix = self._construct_base_url()
        self.sessions = {}
        self.auth_obj = login(settings, auth, username, password, authfile)
        self._listen_stream: Any = None
        self._connections = Connections(self)
        super().__init__(auth=self.auth_obj)

    def open(
        self,
        url: str,
        mode: str = "r",
        group_id: str | None = None,
        ignoretest: bool = True,
        produce_timeout: timedelta = timedelta(0),
        **options: Any,
    ) -> Any:
        """Open a stream for reading or writing: the one way to Kafka, so override it to change it.

        Parameters
        ----------
        url : str
            ``kafka://[username@]host:port/topic[,topic…]`` with full topics; for reading a name may
            be a pattern with ``*`` and ``?``.
        mode : {"r", "w"}
        group_id : str, optional
            The consumer group; without it all records are read, from now on (or as ``start_at``
            of this object says), and nothing is committed.
        ignoretest : bool
            Skip what hop marks as a test.
        produce_timeout : timedelta
            How long to wait for acknowledgements; 0 for the default of 60 s.
        **options
            Of hop's own: ``fetch_external`` and ``automatic_offload``; others do nothing, with a
            warning.

        Returns
        -------
        ReadStream or WriteStream
            With the methods of hop's streams.

        Raises
        ------
        ValueError
            The URL or the mode is wrong, or there is no topic to read.
        RuntimeError
            There are credentials, and none or several fit the server.
        KafkaRefused
            Kafka refuses the credential, or its certificate does not fit.
        """
        if mode == "w":
            if group_id is not None:
                warnings.warn("a stream for writing has no consumer group", stacklevel=2)
            return self._connections.writer(url, produce_timeout, options)
        if mode == "r":
            return self._connections.reader(url, group_id, options, ignoretest=ignoretest)
        raise ValueError("mode must be 'r' or 'w'")

    def listen(
        self,
        callback: Callable[..., Any] | None = None,
        topic: str | Sequence[str] | None = None,
    ) -> None:
        """Call back with each alert; blocks until :meth:`stop`. Ctrl-C exits the program, with 0.

        While Kafka is away it waits, and misses nothing of what is sent meanwhile. What the
        callback raises ends it; with a consumer group that alert is not committed and comes again.

        Parameters
        ----------
        callback : callable, optional
            Called with ``topic=`` (without the group) and ``payload=``: for GraceDB's alerts JSON
            text, for a JSON object a dict. Without it alerts are printed.
        topic : str or list of str, optional
            Topics without the group, or patterns (``cbc_*``); those that do not exist are waited
            for. Without it all topics of the group that the credential may see, also later ones.

        Raises
        ------
        KafkaRefused
            Kafka refuses the credential, every one of the topics, or the consumer group.
        """
        Listening(self, callback, topic).run()

    def stop(self) -> None:
        """End :meth:`listen` after the alert that it is at; any thread, also within a callback."""
        self.stop_listening.set()
        if self._listen_stream:
            self._listen_stream._consumer.stop()  # noqa: SLF001 - of hop's streams as well

    def publish(self, topic: str | Sequence[str], msg: Any = None) -> None:
        """Send a message to one or several topics, and wait until Kafka has acknowledged all.

        Parameters
        ----------
        topic : str or list of str
            Without the group.
        msg : str, dict, list, bytes or hop model
            JSON text goes as GraceDB sends it, as a JSON string; a dict or list as plain JSON.

        Raises
        ------
        SendRefused
            It cannot be sent as it is: no such topic, no permission, too large.
        SendFailed
            Kafka has not acknowledged it within 60 s.
        """
        with self.open(self._construct_topic_url(topic), "w") as stream:
            stream.write(msg)

    def get_topics(self, group: str | None = None) -> list[str]:
        """Return the topics of a group that the credential may see, without the group.

        Raises
        ------
        KafkaUnavailable
            Kafka does not answer within 5 s.
        KafkaRefused
            It refuses the credential, or its certificate does not fit.
        """
        prefix = f"{group or self.group_prefix}."
        every = self._connections.topics(self.base_url_prefix)
        return [name[len(prefix) :] for name in every if name.startswith(prefix)]

    def _construct_base_url(self) -> str:
        return f"kafka://{self._bootstrap}/{self.group_prefix}"

    def _construct_topic_url(self, topics: str | Sequence[str]) -> str:
        base, _, prefix = self.base_url_prefix.rpartition("/")
        return f"{base}/" + ",".join(f"{prefix}.{topic}" for topic in listed(topics))
