# SPDX-License-Identifier: BSD-3-Clause
"""Every error of this package, as a tree; a branch says what the receiver does with it.

::

    IGWNAlertError
    ├── ConfigError          refuse to start: somebody has to change a setting
    │   ├── SettingsError    a key, a type or a value (also a ValueError)
    │   ├── HandlerError     a declaration ``@igwn_alert.handler(…)`` (also a TypeError)
    │   ├── CredentialError  no usable Kafka credential
    │   └── ForeignLedgerError  the consumer group belongs to another deployment
    ├── RetryableError       try again, with back-off; nothing is lost meanwhile
    │   ├── KafkaUnavailable
    │   └── TaskBrokerUnavailable
    ├── PoisonRecord         this record becomes a dead letter, the stream goes on
    └── FatalError           the receiver stops, and is seen to have stopped
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "CredentialError",
    "FatalError",
    "ForeignLedgerError",
    "HandlerError",
    "IGWNAlertError",
    "KafkaUnavailable",
    "PoisonRecord",
    "RetryableError",
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


class CredentialError(ConfigError):
    """No usable Kafka credential. The text never holds a secret."""


class ForeignLedgerError(ConfigError):
    """The Kafka consumer group is in use by a deployment with another ledger."""


class RetryableError(IGWNAlertError):
    """Worth trying again; the receiver backs off and resumes by itself."""


class KafkaUnavailable(RetryableError):
    """Kafka did not answer, or not in time."""


class TaskBrokerUnavailable(RetryableError):
    """The task broker did not answer, refused, or is still loading."""


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


class FatalError(IGWNAlertError):
    """The receiver cannot go on; the worker shows it as failed."""
