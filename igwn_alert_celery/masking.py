# SPDX-License-Identifier: BSD-3-Clause
"""Keep secrets out of ``celery inspect conf``, ``celery report`` and ``repr(app.conf)``.

Celery masks settings by words in their names (``celery.app.utils.HIDDEN_SETTINGS``) and looks into
mappings instead of masking them whole, so that librdkafka's ``sasl.oauthbearer.config`` would show.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.app.utils import Settings

__all__ = ["mask_kafka_options"]

_MASK = "********"
_KEY = "igwn_alert_kafka_options"


class _MaskedSettings(Settings):
    """An app's configuration that shows less; all of it can still be read."""

    def table(self, with_defaults: bool = False, censored: bool = True) -> dict[str, Any]:  # noqa: FBT002 - Celery's signature
        shown: dict[str, Any] = super().table(with_defaults, censored)
        if not censored:
            return shown
        return {key: _MASK if _KEY in key.lower() else value for key, value in shown.items()}

    def __repr__(self) -> str:
        return repr(self.table(with_defaults=True))


def mask_kafka_options(app: Celery) -> None:
    """Mask the setting wherever this app shows its configuration; it can still be read."""

    def mask(source: Any = None, **_: Any) -> None:
        if type(source) is Settings:
            # An attribute set in the usual way would become a setting.
            object.__setattr__(source, "__class__", _MaskedSettings)

    mask(app.conf)
    # A second configuration makes a new object.
    app.on_after_configure.connect(mask, weak=False)
