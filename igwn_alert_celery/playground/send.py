# SPDX-License-Identifier: BSD-3-Clause
"""Send alerts to a playground that is open in another terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from igwn_alert_celery.kafka.embedded import Sender
from igwn_alert_celery.playground.alerts import Sent
from igwn_alert_celery.playground.door import find_address
from igwn_alert_celery.playground.errors import PlaygroundError
from igwn_alert_celery.playground.topics import TOPIC_PREFIX, check_topic

__all__ = ["read_alert", "send"]

_PAUSE_S = 0.3


def read_alert(file: str) -> dict[str, Any]:
    """Return the alert in a JSON file; ``-`` is standard input.

    Raises
    ------
    PlaygroundError
        The file cannot be read, or holds no alert.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        alert = json.loads(text)
    except OSError as exc:
        raise PlaygroundError(f"cannot read {file}: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise PlaygroundError(f"{file} is no JSON: {exc}") from exc
    if not isinstance(alert, dict):
        raise PlaygroundError(f"{file} holds no JSON object: an alert is one")
    return alert


def send(alerts: Iterable[Sent], address: str | None = None) -> Iterator[str]:
    """Send alerts, and say so, a line each.

    Parameters
    ----------
    alerts : iterable of Sent
        Topics (without the group) and alerts.
    address : str, optional
        ``host:port``; default: the playground of this user.

    Raises
    ------
    PlaygroundError
        No playground is open, or it has no such topic.
    KafkaUnavailable
        It does not answer, or did not accept an alert.
    """
    sender: Sender | None = None
    for topic, alert in alerts:
        check_topic(topic)
        if sender is None:
            sender = Sender(address or find_address())
        else:
            # As in the demo: one after the other, for the eye.
            time.sleep(_PAUSE_S)
        sender.send(f"{TOPIC_PREFIX}{topic}", alert)
        yield f"sent to {TOPIC_PREFIX}{topic}: {alert.get('alert_type')} {alert.get('uid')}"
