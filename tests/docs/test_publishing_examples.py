# SPDX-License-Identifier: BSD-3-Clause
"""The examples that send: what they put into their queue, and what of it reaches Kafka."""

import json
import os
import subprocess
import sys

from tests.docs.markdown import ROOT
from tests.docs.worker import Deployment, read

EXAMPLES = ROOT / "examples"
DJANGO = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "django_on_commit.settings"
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from django_on_commit.celery import app, igwn_alert
from django_on_commit.models import Label

app.conf.broker_url = "memory://"
call_command("migrate", run_syncdb=True, verbosity=0)
client = Client(raise_request_exception=False)
statuses = [client.post(f"/S1/labels/{name}/").status_code for name in ("EM_READY", "wrong")]
igwn_alert.publisher.delay_on_commit("superevent", {"uid": "S2"})
sent = []
with app.connection_for_read() as connection:
    while (message := connection.default_channel.basic_get("sends", no_ack=True)):
        sent.append(message.decode()[1]["parcels"][0])
print(json.dumps([statuses, Label.objects.count(), sent]))
"""


PUBLISHING = """
import json, publishing
alert = {"uid": "S1", "alert_type": "new"}
results = [
    publishing.announce(alert),
    publishing.announce_in_time(alert),
    publishing.announce_history([alert, alert]),
    publishing.classify_and_announce("S2"),
]
print(json.dumps([result.get(timeout=60) for result in results]))
"""


def python(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=EXAMPLES,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_site_sends_when_its_transaction_is_committed():
    statuses, labels, sent = json.loads(python("-c", DJANGO))
    assert statuses == [201, 500]
    assert labels == 1
    first, second = sent
    assert (first["topic"], first["key"]) == ("superevent", "S1")
    assert json.loads(first["alert"])["data"] == {"name": "EM_READY"}
    assert json.loads(second["alert"]) == {"uid": "S2"}


def test_what_the_app_orders_is_sent(kafka, redis_server, tmp_path):
    deployment = Deployment(kafka, redis_server, ["superevent"])
    deployment.environ["CELERY_RESULT_BACKEND"] = redis_server.other_url
    command = ["celery", "--workdir", str(EXAMPLES), "-A", "publishing", "worker", "-P", "solo"]
    worker = deployment.start([*command, "-l", "INFO", "-Q", "sends,celery"], tmp_path)
    try:
        read(worker, "ready.")
        one, in_time, history, classified = json.loads(
            python("-c", PUBLISHING, **deployment.environ)
        )
    finally:
        worker.terminate()
    places = {(found["partition"], found["offset"]) for found in (one, in_time, classified)}
    places |= {(found["partition"], found["offset"]) for found in history}
    assert len(places) == 5
    # One superevent, one partition.
    assert {found["partition"] for found in history} == {one["partition"]}
