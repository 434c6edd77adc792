# SPDX-License-Identifier: BSD-3-Clause
"""Signals in Celery's manner: receiving an alert knows nothing of your science.

Receivers run on the receiver's thread (a native thread also under gevent and eventlet) and
hold the stream up while they run, so keep them short; for :meth:`IGWNAlert.deliver` they run on the
caller's thread, and for an alert that came too late, or that could not be sent, in the process of
its task. One that raises is logged and ignored.

- ``alert_received(alert)``: decoded, before handlers are matched; also for the setting
  ``igwn_alert_topics``, whose topics have no handler.
- ``alert_enqueued(alert, task_ids)``: the tasks are on the task broker.
- ``alert_dead_lettered(dead_letter)``: a record was kept as a dead letter, one of ours included.
- ``receiver_state_changed(state, detail)``: see :class:`igwn_alert_celery.metrics.State`.

The sender is the :class:`~igwn_alert_celery.IGWNAlert`.
"""

from __future__ import annotations

from celery.utils.dispatch import Signal

__all__ = [
    "alert_dead_lettered",
    "alert_enqueued",
    "alert_received",
    "receiver_state_changed",
]

alert_received = Signal(name="alert_received", providing_args={"alert"})
alert_enqueued = Signal(name="alert_enqueued", providing_args={"alert", "task_ids"})
alert_dead_lettered = Signal(name="alert_dead_lettered", providing_args={"dead_letter"})
receiver_state_changed = Signal(name="receiver_state_changed", providing_args={"state", "detail"})
