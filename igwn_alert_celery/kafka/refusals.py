# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka has against us: a wrong password, a certificate that nobody vouches for.

librdkafka goes on trying and tells only its error callback, so a call that waits for an answer
ends with "timed out". Here the real reason is kept for whoever waits.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import CredentialRefused, KafkaRefused, KafkaUnavailable
from igwn_alert_celery.kafka.calls import CALL_S

__all__ = ["Refusals", "explaining"]

_LOGIN = KafkaError._AUTHENTICATION  # noqa: SLF001 - its public name
_TLS = KafkaError._SSL  # noqa: SLF001 - the same
_GROUP = KafkaError.GROUP_AUTHORIZATION_FAILED
_ALL_DOWN = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
# Its commit is asked for, whether it is there or not.
_ANY_TOPIC = "igwn-alert-celery"
_TRY_S = 0.5
_PAUSE_S = 0.05
# A broker that is away is told again and again.
_MOST = 100
# A port without TLS does not understand the handshake, and closes.
_NO_TLS = ("SSL handshake failed", "SSL connection closed by peer")
# Which of its connections it was, and how long it took: not the same at each try.
_TRIES = re.compile(r"^(\w+://)?\S+/\S+: | \(after \d+ms[^)]*\)")


class Refusals:
    """An ``error_cb``; librdkafka calls it within ``poll``, on the polling thread.

    Parameters
    ----------
    config : mapping
        The options of the client, for the address, the username and the consumer group. An
        ``error_cb`` in them is told as well.

    Attributes
    ----------
    last : str
        What librdkafka said last.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._address = config.get("bootstrap.servers", "")
        self._username = config.get("sasl.username")
        self._consumer_group = config.get("group.id", "")
        self._also: Any = config.get("error_cb")
        self._errors: deque[Any] = deque(maxlen=_MOST)
        self.last = ""

    def __call__(self, error: Any) -> None:
        """Take an error of librdkafka."""
        self.note(error)
        if self._also is not None:
            self._also(error)

    def note(self, error: Any) -> None:
        """Take an error that came in place of a record."""
        self._errors.append(error)
        if error.code() != _ALL_DOWN:
            self.last = _said(error)

    def take(self) -> list[Any]:
        """Return what has come since the last time."""
        taken = list(self._errors)
        self._errors.clear()
        return taken

    def check(self) -> None:
        """Raise what somebody has to mend; forget what mends itself.

        Raises
        ------
        CredentialRefused
            Kafka does not take the username or password.
        KafkaRefused
            The TLS certificate does not fit, or the consumer group is not ours to use.
        """
        errors = self.take()
        for error in errors:
            if error.code() == _LOGIN:
                raise CredentialRefused(self._login(_said(error)))
            if error.code() == _TLS:
                raise KafkaRefused(self._tls(_said(error)))
            if error.code() == _GROUP:
                raise KafkaRefused(self._group())
        if _is_without_tls(errors):
            raise KafkaRefused(self._without_tls())

    def refuse_group(self, consumer: Any) -> None:
        """Raise :exc:`KafkaRefused` where the consumer group is not ours to use.

        For a consumer that has no partitions yet; blocks for five seconds at most, and says nothing
        when Kafka does not answer. An administration client would tell at once, but its questions
        about groups may abort the whole process, when the group's coordinator changes meanwhile
        (``Assertion 'eonce->refcnt > 0'``, https://github.com/confluentinc/librdkafka/issues/4605).
        """
        deadline = time.monotonic() + CALL_S
        while time.monotonic() < deadline:
            try:
                consumer.committed([confluent_kafka.TopicPartition(_ANY_TOPIC, 0)], timeout=_TRY_S)
            except confluent_kafka.KafkaException as exc:
                self.note(exc.args[0])
            else:
                return
            # A refusal is told only here.
            message = consumer.poll(0)
            if message is not None and message.error() is not None:
                self.note(message.error())
            self.check()
            time.sleep(_PAUSE_S)

    def _login(self, text: str) -> str:
        who = f" of user {self._username!r}" if self._username else ""
        return (
            f"Kafka at {self._address} does not accept the credential{who} ({text}): correct the "
            "password where it is kept (auth.toml by `hop auth add --force`, netrc, or "
            "igwn_alert_password), or ask those who run the service whether it still holds"
        )

    def _tls(self, text: str) -> str:
        return (
            f"no secure connection to Kafka at {self._address} ({text}): let ssl_ca_location in "
            "auth.toml name a file with the authority that signed the server's certificate, and "
            "check host name and port"
        )

    def _without_tls(self) -> str:
        return (
            f"Kafka at {self._address} does not answer by TLS ({self.last}): check host name and "
            'port; for a port without TLS write protocol = "SASL_PLAINTEXT" into the entry in '
            "auth.toml"
        )

    def _group(self) -> str:
        who, group = self._username or "without a credential", self._consumer_group
        begins = f"{self._username}-" if self._username else "the username"
        return (
            f"Kafka at {self._address} does not let {who} use the consumer group {group!r}: leave "
            f"igwn_alert_consumer_group (-c) unset, or let it begin with {begins!r}, as SCiMMA "
            "demands; elsewhere ask those who run the service for permission to read in it"
        )


@contextmanager
def explaining(consumer: Any, refusals: Refusals) -> Iterator[None]:
    """Let a question that Kafka does not answer raise the reason.

    For a consumer that has no partitions yet: a record that came meanwhile would be lost.

    Raises
    ------
    KafkaRefused
        Somebody has to mend something.
    KafkaUnavailable
        With what librdkafka has met.
    """
    try:
        yield
    except KafkaUnavailable as exc:
        # librdkafka tells it only here.
        message = consumer.poll(0)
        if message is not None and message.error() is not None:
            refusals.note(message.error())
        refusals.check()
        why = refusals.last
        raise KafkaUnavailable(f"{exc} ({why})" if why else str(exc)) from exc


def _is_without_tls(errors: Sequence[Any]) -> bool:
    """Whether every try ended in the handshake; one alone may be a server that was just stopped."""
    tries = [error.str() for error in errors if error.code() != _ALL_DOWN]
    ended = all(any(words in text for words in _NO_TLS) for text in tries)
    return len(tries) > 1 and ended and any(_NO_TLS[0] in text for text in tries)


def _said(error: Any) -> str:
    return _TRIES.sub("", str(error.str()))
