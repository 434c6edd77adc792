# SPDX-License-Identifier: BSD-3-Clause
"""Dead letters for tests."""

import json
import time

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.record import Record

__all__ = ["ALERT", "add_handler", "letter_of"]

ALERT = {"uid": "S1", "alert_type": "new"}


def letter_of(value=None, reason="unroutable", handler=None, age_s=0.0, **record):
    """Return a letter of ``gracedb.superevent``; its alert is ``ALERT`` where no value is given."""
    given = {
        "topic": "gracedb.superevent",
        "partition": 1,
        "offset": 7,
        "timestamp_ms": round((time.time() - age_s) * 1000),
        "key": None,
        "value": json.dumps(json.dumps(ALERT)).encode() if value is None else value,
        **record,
    }
    return DeadLetter.from_record(
        Record(**given), reason, f"{reason} it was", traceback="Traceback …", handler=handler
    )


def add_handler(bridge, name, *topics, **filters):
    """Give the bridge a handler that does nothing."""

    def handle(alert):
        pass

    return bridge.handler(*topics, name=name, **filters)(handle)
