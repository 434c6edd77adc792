# SPDX-License-Identifier: BSD-3-Clause
"""The playground's Celery app: an ordinary app with an IGWNAlert and a few handlers."""

from __future__ import annotations

from celery import Celery

from igwn_alert_celery import Alert, IGWNAlert

app = Celery("playground")
igwn_alert = IGWNAlert(app, group="playground", noauth=True)

YEAR_S = 365.25 * 24 * 3600


def is_significant(alert: Alert) -> bool:
    """Whether noise looks like this at most once in about four months."""
    return alert.far is not None and alert.far < 1e-7


def brings_sky_map(alert: Alert) -> bool:
    """Whether a log entry has a sky map attached."""
    return str(alert.get("data", {}).get("filename")).endswith(".fits")


@igwn_alert.handler("cbc_*", where=is_significant)
def vet_event(alert: Alert) -> str:
    """Vet the significant events of any CBC pipeline."""
    return str(alert["object"].get("instruments"))


@igwn_alert.handler("superevent", alert_type="new")
def point_telescope(alert: Alert) -> str:
    """Point the telescope at each new superevent."""
    return f"1 per {1 / (alert.far * YEAR_S):.0f} yr" if alert.far else "no FAR yet"


@igwn_alert.handler("superevent", alert_type="log", where=brings_sky_map)
def fetch_sky_map(alert: Alert) -> str:
    """Fetch the sky map that a log entry brings."""
    return str(alert["data"]["filename"])


@igwn_alert.handler("superevent", alert_type="update", labels={"PASTRO_READY", "SKYMAP_READY"})
def draft_circular(alert: Alert) -> str:
    """Draft a circular, once two labels are there."""
    return f"1 per {1 / (alert.far * YEAR_S):.0f} yr" if alert.far else "no FAR yet"


@igwn_alert.handler("superevent", alert_type={"new", "update", "label_added"})
def keep_history(alert: Alert) -> str:
    """Keep what is new, updated or labelled."""
    return f"labels: {len(alert.labels)}"
