# SPDX-License-Identifier: BSD-3-Clause
import pytest

from igwn_alert_celery.consumer_group import consumer_group_of
from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.settings import Settings


@pytest.mark.parametrize(
    ("setting", "username", "app_name", "expected"),
    [
        (None, "jdoe-a1b2", "followup", "jdoe-a1b2-followup"),
        (None, None, "followup", "followup"),
        (None, "", "followup", "followup"),
        ("mine", "jdoe-a1b2", "followup", "mine"),
        ("mine", None, None, "mine"),
    ],
)
def test_the_name(setting, username, app_name, expected):
    assert consumer_group_of(Settings(consumer_group=setting), username, app_name) == expected


@pytest.mark.parametrize("app_name", [None, "", "__main__"])
def test_an_app_without_a_name_is_refused_with_the_setting(app_name):
    with pytest.raises(ConfigError) as caught:
        consumer_group_of(Settings(), "jdoe", app_name)
    assert "igwn_alert_consumer_group" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
