# SPDX-License-Identifier: BSD-3-Clause
"""Is the task broker's certificate checked? On Redis kombu does so only where it is asked to."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from celery import Celery

__all__ = ["tls_warnings"]

_WARNING = (
    "the certificate of the task broker is not checked, so anybody in between can read and change "
    "tasks: add ssl_cert_reqs=required to its URL (?ssl_cert_reqs=required&ssl_ca_certs=ca.pem "
    "for an authority of your own) or to broker_use_ssl"
)
_OFF = (ssl.CERT_NONE, None, "none", "CERT_NONE")


def tls_warnings(app: Celery) -> list[str]:
    """Return a line where TLS to the task broker would take any server; connects nowhere.

    ``rediss://`` without options is such a case (``kombu.connection.Connection``); py-amqp checks
    unless it is told not to.
    """
    with app.connection_for_write() as connection:
        options = connection.ssl
    if not isinstance(options, Mapping):
        return []
    # redis-py's and py-amqp's names; without the option both of them check.
    wanted = [options[name] for name in ("ssl_cert_reqs", "cert_reqs") if name in options]
    if not any(value in _OFF for value in wanted):
        return []
    return [_WARNING]
