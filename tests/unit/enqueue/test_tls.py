# SPDX-License-Identifier: BSD-3-Clause
"""Whether TLS to the task broker checks whom it speaks to; no socket is opened."""

import ssl

import pytest
from celery import Celery

from igwn_alert_celery.enqueue.tls import tls_warnings

URL = "rediss://followup:canary@localhost/0"


@pytest.mark.parametrize(
    ("url", "use_ssl"),
    [
        (URL, None),
        (f"{URL}?ssl_cert_reqs=none", None),
        (f"{URL}?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=/ca.pem", None),
        (URL, {"ssl_cert_reqs": ssl.CERT_NONE}),
        ("redis://localhost/0", {"ssl_cert_reqs": None}),
        ("amqps://localhost//", {"cert_reqs": ssl.CERT_NONE}),
    ],
)
def test_what_takes_any_server_is_told(url, use_ssl):
    app = Celery(broker=url, set_as_current=False, broker_use_ssl=use_ssl)
    (warning,) = tls_warnings(app)
    assert "ssl_cert_reqs=required" in warning
    assert "canary" not in warning


@pytest.mark.parametrize(
    ("url", "use_ssl"),
    [
        (f"{URL}?ssl_cert_reqs=required", None),
        (f"{URL}?ssl_ca_certs=/ca.pem", None),
        (URL, {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
        (URL, {"ssl_cert_reqs": "required"}),
        ("redis://localhost/0", None),
        ("amqps://localhost//", None),
        ("amqp://localhost//", True),
        ("memory://", None),
    ],
)
def test_what_checks_and_what_has_no_tls_is_not(url, use_ssl):
    assert tls_warnings(Celery(broker=url, set_as_current=False, broker_use_ssl=use_ssl)) == []
