# SPDX-License-Identifier: BSD-3-Clause
"""A broker as SCiMMA runs it: SCRAM-SHA-512, TLS by a test authority, and rules who may what."""

from __future__ import annotations

from tests.services.absent import Absent
from tests.services.kafka import access
from tests.services.kafka.access import PASSWORDS
from tests.services.kafka.broker import Kafka
from tests.services.kafka.certificates import Authority

__all__ = ["SecuredKafka"]

_AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


class SecuredKafka(Kafka):
    """
    A KRaft broker with listeners SASL_PLAINTEXT and SASL_SSL.

    The listener ``bootstrap`` is for the tests themselves: no password, and above all rules. What
    the users may is in ``access.py``.

    Attributes
    ----------
    authority : Authority
        Who signed the broker's certificate.
    """

    variable = "IGWN_ALERT_TEST_SECURED_KAFKA"
    _listeners = ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "CONTROLLER")
    _format_options = tuple(
        f"--add-scram=SCRAM-SHA-512=[name={name},password={password}]"
        for name, password in PASSWORDS.items()
    )

    def __init__(self, address: str | None = None) -> None:
        if address is not None:
            raise Absent(f"unset {self.variable}: the tests make users, rules and certificates")
        self._has_rules = False
        super().__init__()

    @property
    def sasl_bootstrap(self) -> str:
        """``host:port`` of the listener SASL_PLAINTEXT."""
        return f"127.0.0.1:{self._ports['SASL_PLAINTEXT']}"

    @property
    def ssl_bootstrap(self) -> str:
        """``host:port`` of the listener SASL_SSL."""
        return f"127.0.0.1:{self._ports['SASL_SSL']}"

    @property
    def ca(self) -> str:
        """Path of the authority's certificate, as ``ssl.ca.location`` takes it."""
        return str(self.authority.certificate)

    def auth_toml(self, username: str, *, password: str | None = None, tls: bool = True) -> str:
        """Return an auth.toml for one of the listeners, as ``hop auth add`` writes it."""
        lines = {
            "username": username,
            "password": PASSWORDS[username] if password is None else password,
            "hostname": self.ssl_bootstrap if tls else self.sasl_bootstrap,
            "protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
            "mechanism": "SCRAM-SHA-512",
            **({"ssl_ca_location": self.ca} if tls else {}),
        }
        return "[[auth]]\n" + "".join(f'{key} = "{value}"\n' for key, value in lines.items())

    def change_password(self, username: str, password: str) -> None:
        """Give a user another password."""
        access.change(self._admin, username, password)

    def delete_user(self, username: str) -> None:
        """Delete a user; :meth:`change_password` makes it again."""
        access.delete(self._admin, username)

    def forbid_group(self, group: str) -> None:
        """Let alice use a consumer group no more."""
        access.forbid_group(self._admin, group)

    def allow_group(self, group: str) -> None:
        """Let alice use it again."""
        access.allow_group(self._admin, group)

    def forbid(self, topic: str) -> None:
        """Let alice read a topic no more."""
        access.forbid(self._admin, topic)

    def allow(self, topic: str) -> None:
        """Let alice read it again."""
        access.allow(self._admin, topic)

    def permit(self, topic: str) -> None:
        """Let alice read a topic that does not begin with ``gracedb-test.``."""
        access.permit(self._admin, topic)

    def start(self) -> None:
        """Start it; the first time, write the rules and create the topics that they name."""
        super().start()
        if not self._has_rules:
            access.grant(self._admin)
            for topic in (access.SECRET, access.WRITE_ONLY, access.READ_ONLY):
                self.create_topic(topic)
            self._has_rules = True

    def _more_properties(self) -> dict[str, str]:
        self.authority = Authority(self.folder / "tls")
        listener = "listener.name.{}.scram-sha-512.sasl.jaas.config"
        return {
            "authorizer.class.name": _AUTHORIZER,
            # Who comes without a password comes by the tests' own listener.
            "super.users": "User:ANONYMOUS",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            listener.format("sasl_plaintext"): _SCRAM,
            listener.format("sasl_ssl"): _SCRAM,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.authority.issue("kafka")),
        }
