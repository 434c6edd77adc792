# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import pytest

from igwn_alert_celery.errors import SettingsError
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.settings_kafka_options import reason_against


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("group.id", "x", "set igwn_alert_consumer_group instead"),
        ("message.timeout.ms", 1, "set igwn_alert_publish_timeout_s instead"),
        ("enable.idempotence", False, "must stay true"),
        ("enable.idempotence", "false", "must stay true"),
        ("acks", 1, "must stay 'all'"),
        ("request.required.acks", "0", "must stay 'all'"),
        ("group.protocol", "consumer", "must stay 'classic'"),
    ],
)
def test_what_a_guarantee_hangs_on_is_refused(option, value, said):
    assert said in reason_against(option, value)
    with pytest.raises(SettingsError, match=said):
        Settings(kafka_options={option: value})


@pytest.mark.parametrize(
    "options",
    [
        {"enable.idempotence": True, "acks": "all", "group.protocol": "classic"},
        {"acks": -1, "compression.type": "zstd", "message.max.bytes": 5_000_000},
    ],
)
def test_what_changes_no_guarantee_is_the_users(options):
    assert Settings(kafka_options=options).kafka_options == options
