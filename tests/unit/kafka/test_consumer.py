# SPDX-License-Identifier: BSD-3-Clause
import confluent_kafka
import pytest

from igwn_alert_celery.errors import CredentialRefused
from igwn_alert_celery.kafka.consumer import Consumer


@pytest.fixture
def no_token(monkeypatch):
    def fails(config):
        raise SystemError("returned a result with an exception set")

    monkeypatch.setattr(confluent_kafka, "Consumer", fails)


def test_a_token_that_does_not_come_is_named_as_such(no_token):
    with pytest.raises(CredentialRefused, match="token command"):
        Consumer({"bootstrap.servers": "x", "group.id": "x", "oauth_cb": print})


def test_any_other_failure_of_the_client_is_not(no_token):
    with pytest.raises(SystemError):
        Consumer({"bootstrap.servers": "x", "group.id": "x"})
