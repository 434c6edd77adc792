# SPDX-License-Identifier: BSD-3-Clause
"""The app and its task broker: whether tasks can be enqueued, and are kept."""

from __future__ import annotations

from celery import Celery

from igwn_alert_celery.cli.checks.check import Failed, Skipped
from igwn_alert_celery.cli.checks.patient import Patient
from igwn_alert_celery.enqueue.check import check_app
from igwn_alert_celery.enqueue.safety import dangers, shown_url
from igwn_alert_celery.errors import ConfigError, TaskBrokerUnavailable

__all__ = ["app", "reachable", "safe", "tasks"]


def app(patient: Patient) -> str:
    """Import the app and the modules of its handlers."""
    found = patient.target.app
    if found is None:
        raise Skipped("without -A only Kafka is checked")
    bridge = patient.target.bridge
    names = bridge.registry.task_names if bridge is not None else ()
    return f"{found.main}, {len(names)} handler{'s' * (len(names) != 1)}"


def tasks(patient: Patient) -> str:
    """Check that handlers' tasks can be sent and are taken by workers."""
    found = _app(patient)
    try:
        check_app(found)
    except ConfigError as exc:
        raise Failed("alerts would be lost", str(exc)) from None
    return "can be sent, and workers take them"


def reachable(patient: Patient) -> str:
    """Connect to the task broker."""
    found = _app(patient)
    url = shown_url(found)
    try:
        patient.dangers = dangers(found, patient.settings)
    except TaskBrokerUnavailable as exc:
        raise Failed(
            f"{url} does not answer",
            f"{exc}: start it, or correct broker_url in the app's configuration",
        ) from None
    return url


def safe(patient: Patient) -> str:
    """Look whether the task broker keeps what it is given."""
    found = patient.dangers
    if _app(patient) and found is None:
        raise Skipped("nothing is known about this kind of task broker")
    if found:
        raise Failed("tasks may be lost", "; ".join(found))
    return "evicts nothing and writes to disk"


def _app(patient: Patient) -> Celery:
    if patient.target.app is None:
        raise Skipped("without -A there is no app")
    return patient.target.app
