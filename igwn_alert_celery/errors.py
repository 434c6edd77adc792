# SPDX-License-Identifier: BSD-3-Clause
"""Every error of this package, as a tree; a branch says what the receiver does with it.

::

    IGWNAlertError
    ├── ConfigError          refuse to start: somebody has to change a setting
    │   ├── SettingsError    a key, a type or a value (also a ValueError)
    │   │   └── ArgumentError  an argument of the client (also an AssertionError, as igwn-alert's)
    │   ├── HandlerError     a declaration ``@igwn_alert.handler(…)`` (also a TypeError)
    │   ├── NoAppError       used before ``init_app`` (also a RuntimeError)
    │   ├── CredentialError  no usable Kafka credential (also a RuntimeError, as hop's)
    │   │   ├── NoCredentialError     none was found
    │   │   └── NoCredentialFileError  the file is not there (also a FileNotFoundError)
    │   ├── NotConnectedError  the client has no session for a topic (also a RuntimeError)
    │   ├── KafkaRefused     Kafka does not let us in, or not to a topic or group
    │   │   └── CredentialRefused  not with this credential (also a CredentialError)
    │   └── ForeignLedgerError  the consumer group belongs to another deployment
    ├── RetryableError       try again, with back-off; nothing is lost meanwhile
    │   ├── KafkaUnavailable
    │   ├── TaskBrokerUnavailable
    │   └── SendFailed       Kafka did not acknowledge in time (also a SendError)
    ├── SendError            an alert of ours did not reach Kafka
    │   ├── SendFailed       worth another try
    │   └── SendRefused      never will, as it is
    ├── PoisonRecord         this record becomes a dead letter, the stream goes on
    ├── HandlerKilledProcess  a handler took its process down too often; its alert is kept
    └── FatalError           the receiver stops, and is seen to have stopped
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "ConfigError",
    "CredentialError",
    "CredentialRefused",
    "FatalError",
    "ForeignLedgerError",
    "HandlerError",
    "HandlerKilledProcess",
    "IGWNAlertError",
    "KafkaRefused",
    "KafkaUnavailable",
    "NoAppError",
    "NoCredentialError",
    "NoCredentialFileError",
    "NotConnectedError",
    "PoisonRecord",
    "RetryableError",
    "SendError",
    "SendFailed",
    "SendRefused",
    "SettingsError",
    "TaskBrokerUnavailable",
]


class IGWNAlertError(Exception):
    """Base of every error raised by this package."""


class ConfigError(IGWNAlertError):
    """Something has to be configured differently before the receiver can start."""


class SettingsError(ConfigError, ValueError):
    """A setting has an unknown key, a wrong type or a value that is not allowed."""


class HandlerError(ConfigError, TypeError):
    """A handler was declared with a topic, filter or option that cannot work."""


class NoAppError(ConfigError, RuntimeError):
    """The bridge, or one of its handlers, was used before it had a Celery app."""


class CredentialError(ConfigError, RuntimeError):
    """No usable Kafka credential. The text never holds a secret."""


class NoCredentialError(CredentialError):
    """No file has a credential for this Kafka service."""


class NoCredentialFileError(CredentialError, FileNotFoundError):
    """The file that was named for the credential does not exist."""


class ArgumentError(SettingsError, AssertionError):
    """An argument of :class:`igwn_alert_celery.client` is not allowed."""


class NotConnectedError(ConfigError, RuntimeError):
    """The client was to publish to a topic without a session for it."""


class KafkaRefused(ConfigError):
    """Kafka's certificate or a permission of ours does not fit; mended here or by those who run it.

    A receiver therefore tries again, with the settings and files as they are then.
    """


class CredentialRefused(KafkaRefused, CredentialError):
    """Kafka does not accept the username or the password."""


class ForeignLedgerError(ConfigError):
    """The Kafka consumer group is in use by a deployment with another ledger."""


class RetryableError(IGWNAlertError):
    """Worth trying again; the receiver backs off and resumes by itself."""


class KafkaUnavailable(RetryableError):
    """Kafka did not answer, or not in time."""


class TaskBrokerUnavailable(RetryableError):
    """The task broker did not answer, refused, or is still loading."""


class SendError(IGWNAlertError):
    """An alert was not sent; the text says why and what to do.

    Parameters
    ----------
    text : str
        For a person.
    topic : str or None
        Kafka's full topic, where one is concerned.
    code : str
        One lower-case word for counting (``"unknown_topic"``, ``"too_large"``, …).
    """

    def __init__(self, text: str, topic: str | None = None, code: str = "failed") -> None:
        super().__init__(text, topic, code)
        self.text = text
        self.topic = topic
        self.code = code

    def __str__(self) -> str:
        return self.text


class SendRefused(SendError):
    """It cannot be sent as it is: content, topic, permission or size have to change first."""


class SendFailed(SendError, RetryableError):
    """Kafka did not acknowledge it in time; it is worth sending again.

    ``is_final`` tells whether librdkafka has given it up. Until then it may still arrive, and
    sending again would send it twice.
    """

    def __init__(
        self,
        text: str,
        topic: str | None = None,
        code: str = "failed",
        is_final: bool = True,  # noqa: FBT002 - errors are copied by their positional arguments
    ) -> None:
        super().__init__(text, topic, code)
        self.args = (text, topic, code, is_final)
        self.is_final = is_final


class PoisonRecord(IGWNAlertError):
    """One record cannot become an alert; it is kept whole as a dead letter.

    Parameters
    ----------
    reason : str
        One lower-case word for counting (``"not_json"``, ``"too_large"``, …).
    detail : str
        What was wrong, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class HandlerKilledProcess(IGWNAlertError):
    """A handler took its process down (a crash, out of memory, ``os._exit``), too often.

    Parameters
    ----------
    task_name : str
    attempts : int
        How often.
    """

    #: Of its dead letter.
    reason = "killed_process"

    def __init__(self, task_name: str, attempts: int) -> None:
        super().__init__(task_name, attempts)
        self.task_name = task_name
        self.attempts = attempts

    def __str__(self) -> str:
        return (
            f"{self.task_name} has killed its process {self.attempts} times: see the kernel's log "
            "for a crash or too little memory; igwn_alert_max_attempts sets how often it is tried"
        )


class FatalError(IGWNAlertError):
    """The receiver cannot go on; the worker shows it as failed."""
