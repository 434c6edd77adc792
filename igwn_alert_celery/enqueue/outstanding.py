# SPDX-License-Identifier: BSD-3-Clause
"""Whether handlers' tasks are noted as outstanding until they are handled."""

from __future__ import annotations

from celery import Celery
from kombu.transport.redis import Channel

from igwn_alert_celery.settings import Settings

__all__ = ["is_noted"]


def is_noted(app: Celery, settings: Settings) -> bool:
    """Whether it is: by every receiver and every worker of the app alike; does not connect.

    Only on Redis, where tasks are read from the server that they are written to, and kombu
    emulates acknowledgements there.
    """
    with app.connection_for_write() as writing, app.connection_for_read() as reading:
        channel = getattr(reading.transport, "Channel", None)
        return (
            settings.redelivery
            and isinstance(channel, type)
            and issubclass(channel, Channel)
            and (app.conf.broker_transport_options or {}).get("ack_emulation", True)
            and writing.as_uri() == reading.as_uri()
        )
