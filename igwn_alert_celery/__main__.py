# SPDX-License-Identifier: BSD-3-Clause
"""``python -m igwn_alert_celery``: the command ``igwn-alert``, whoever owns the script."""

from __future__ import annotations

from igwn_alert_celery.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
