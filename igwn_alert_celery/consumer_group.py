# SPDX-License-Identifier: BSD-3-Clause
"""The name of Kafka's consumer group, where the settings give none."""

from __future__ import annotations

from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.settings import Settings

__all__ = ["consumer_group_of"]


def consumer_group_of(settings: Settings, username: str | None, app_name: str | None) -> str:
    """Return the setting, else ``<username>-<app name>``, else the app's name.

    SCiMMA demands that a consumer group begins with the username.

    Raises
    ------
    ConfigError
        The app has no name to derive it from.
    """
    if settings.consumer_group:
        return settings.consumer_group
    if not app_name or app_name == "__main__":
        raise ConfigError(
            "the app has no name to derive the consumer group from: write Celery('followup', …) "
            "or set igwn_alert_consumer_group"
        )
    return f"{username}-{app_name}" if username else app_name
