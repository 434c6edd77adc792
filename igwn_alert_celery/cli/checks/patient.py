# SPDX-License-Identifier: BSD-3-Clause
"""What is examined, and what the checks have found out for each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.settings import Settings

if TYPE_CHECKING:
    from igwn_alert_celery.kafka.credentials import Found
    from igwn_alert_celery.kafka.permissions import Permissions, Welcome

__all__ = ["Address", "Patient"]

#: Family and socket address, as ``socket.getaddrinfo`` gives them.
Address = tuple[int, Any]


@dataclass(slots=True)
class Patient:
    """Filled from check to check; never shown.

    Attributes
    ----------
    target : Target
        What the command line names.
    found : Found
        The credential and where it was.
    config : dict
        librdkafka's options, secrets included.
    addresses : list of Address
        Those of the server.
    permissions, welcome
        The connection to Kafka, and what it showed.
    dangers : list of str or None
        What is risky about the task broker; None where nothing is known.
    """

    target: Target
    found: Found | None = field(default=None, repr=False)
    config: dict[str, Any] = field(default_factory=dict, repr=False)
    addresses: list[Address] = field(default_factory=list)
    permissions: Permissions | None = None
    welcome: Welcome | None = None
    dangers: list[str] | None = None

    @property
    def settings(self) -> Settings:
        """The settings; only for checks that need them."""
        return self.target.settings

    @property
    def who(self) -> str:
        """The user, for people."""
        credential = self.found.credential if self.found else None
        if credential is None:
            return "a client without a credential"
        return f"user {credential.username!r}" if credential.username else "a token's owner"

    @property
    def has_tls(self) -> bool:
        """Whether the connection to Kafka is encrypted."""
        return str(self.config.get("security.protocol", "")).upper().endswith("SSL")
