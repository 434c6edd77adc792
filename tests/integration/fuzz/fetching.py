# SPDX-License-Identifier: BSD-3-Clause
"""Large messages for the fuzz: what a server answers stands in the URL itself."""

from __future__ import annotations

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.download import is_url
from igwn_alert_celery.kafka.offload import _record
from igwn_alert_celery.record import Record

__all__ = ["SERVER", "fetch"]

SERVER = "https://offload.invalid/"


def fetch(url: str) -> Record:
    """Return the record of the body that follows in hexadecimal; refuse as the real one does."""
    if not is_url(url):
        raise PoisonRecord("undecodable", "the URL of an external message is not http(s)")
    try:
        body = bytes.fromhex(url.removeprefix(SERVER))
    except ValueError:
        raise PoisonRecord("offload_unavailable", "nobody is there") from None
    return _record(body)
