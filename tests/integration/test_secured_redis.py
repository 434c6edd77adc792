# SPDX-License-Identifier: BSD-3-Clause
"""Redis by TLS, with a user who may do no more than SECURITY.md says."""

import json

import pytest
import redis
from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.enqueue.redis import RedisEnqueuer
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.docs.markdown import ROOT, blocks
from tests.integration.command import Command
from tests.integration.conftest import Deployment
from tests.integration.receiving import receiving
from tests.services.kafka.certificates import Authority

PASSWORD = "followups-Secret.44"
APP = ("-A", "tests.integration.followup")


def documented_rules():
    """Return the rules of SECURITY.md; a new key or command of ours needs its place there."""
    (block,) = blocks(ROOT / "SECURITY.md", "text")
    return block.text.split()


def enqueuer_of(url):
    app = Celery("followup", broker=url, set_as_current=False)
    return RedisEnqueuer(app, IGWNAlert(app, group="g", noauth=True).settings)


@pytest.fixture
def url(secured_redis):
    """The URL of a user with the documented rights, and no denial so far."""
    secured_redis.client().flushall()
    secured_redis.client().acl_log_reset()
    secured_redis.let("followup", PASSWORD, documented_rules())
    return secured_redis.secured_url(
        "followup",
        PASSWORD,
        ssl_cert_reqs="required",
        ssl_ca_certs=str(secured_redis.authority.certificate),
    )


@pytest.fixture
def deployment(kafka, secured_redis, url, tmp_path):
    deployed = Deployment(kafka, url, secured_redis, tmp_path)
    kafka.create_topic(deployed.topic, 4)
    yield deployed
    deployed.close()


def test_the_documented_rights_are_enough(deployment, secured_redis, tmp_path):
    worker = deployment.start("-c", "2", "-E").listen()
    deployment.send(range(8))
    deployment.kafka.send(deployment.topic, "no JSON", partition=0)
    deployment.kafka.flush()
    deployment.expect_once_each(range(8))
    command = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    (tmp_path / "alert.json").write_text(json.dumps({"uid": "S8", "alert_type": "new"}))
    alert_file = str(tmp_path / "alert.json")
    sent = command.run(*APP, "send", "superevent", alert_file, "--wait", "90")
    assert sent.returncode == 0, sent.stderr
    deployment.expect_once_each(range(9))
    doctor = command.run(*APP, "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "evicts nothing and writes to disk" in doctor.stdout
    (stats,) = deployment.counted(10).values()
    assert stats["igwn-alert"]["counters"]["dead_letters"] == 1
    # Another worker, which restores what the first one had.
    second = deployment.start("-c", "1", name="w2").listen()
    for each in (worker, second):
        assert each.stop() == 0
    assert secured_redis.denied("followup") == []
    assert not any(PASSWORD in each.text for each in (worker, second))
    assert PASSWORD not in doctor.stdout + doctor.stderr + sent.stdout + sent.stderr


def test_they_are_a_limit(url, secured_redis):
    secured_redis.client().set("others", "x")
    with redis.Redis.from_url(url) as mine:
        for call in (
            lambda: mine.get("others"),
            lambda: mine.set("others", "y"),
            lambda: mine.keys("*"),
            mine.flushall,
            lambda: mine.config_set("maxmemory", "1"),
            mine.acl_list,
            lambda: mine.publish("others", "x"),
            lambda: mine.eval("return redis.call('GET', KEYS[1])", 1, "others"),
            mine.module_list,
        ):
            with pytest.raises(redis.ResponseError, match="no permission"):
                call()


@pytest.mark.parametrize("trusted", ["the system's authorities", "another authority"])
def test_a_server_that_nobody_vouches_for_is_refused(secured_redis, tmp_path, trusted):
    options = {"ssl_cert_reqs": "required"}
    if trusted == "another authority":
        options = {"ssl_ca_certs": str(Authority(tmp_path, "stranger").certificate)}
    enqueuer = enqueuer_of(secured_redis.secured_url("followup", PASSWORD, **options))
    with pytest.raises(TaskBrokerUnavailable, match="certificate verify failed") as caught:
        enqueuer.open()
    assert PASSWORD not in str(caught.value)


def test_a_receiver_that_would_take_any_server_says_so(kafka, secured_redis, url, tmp_path):
    """Celery's own default for ``rediss://``."""
    unchecked = url.partition("?")[0]
    deployed = Deployment(kafka, unchecked, secured_redis, tmp_path)
    kafka.create_topic(deployed.topic, 4)
    with receiving(deployed, url=unchecked) as it:
        it.running()
        (warning,) = it.status["warnings"]
    assert "the certificate of the task broker is not checked" in warning


def test_a_wrong_password_is_said_and_not_shown(url, secured_redis):
    mistyped = "mistyped-Secret.45"
    enqueuer = enqueuer_of(url.replace(PASSWORD, mistyped))
    with pytest.raises(TaskBrokerUnavailable, match=r"WRONGPASS|password") as caught:
        enqueuer.open()
    assert mistyped not in str(caught.value)
