# SPDX-License-Identifier: BSD-3-Clause
"""The examples of docs/client.md run, on real Kafka; its list of options is the client's."""

import inspect
import json
import re
import runpy
import threading
import uuid

import pytest

import igwn_alert_celery
from igwn_alert_celery import client
from tests.docs.markdown import ROOT
from tests.services.wait import wait_until

DOCUMENT = (ROOT / "docs" / "client.md").read_text()
EXAMPLES = ROOT / "examples"
TOPICS = ("superevent", "cbc_gstlal", "test_superevent", "mdc_superevent")
ALERT = {"uid": "S1", "alert_type": "new"}


@pytest.fixture
def here(kafka, monkeypatch):
    """Let the examples' client use this Kafka, and a group of its own."""
    group = f"docs-{uuid.uuid4().hex[:8]}"
    for topic in TOPICS:
        kafka.create_topic(f"{group}.{topic}")
    made = []

    class Here(client):
        def __init__(self, **options):
            assert options == {"group": "gracedb-playground"}
            super().__init__(group=group, server=f"kafka://{kafka.bootstrap}/", noauth=True)
            made.append(self)

    monkeypatch.setattr(igwn_alert_celery, "client", Here)
    return made


def test_the_example_of_listening_prints_what_is_sent(here, kafka, capsys):
    def run():
        runpy.run_path(str(EXAMPLES / "listening.py"), run_name="__main__")

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: here and here[0]._listen_stream, 60, "it listens")
    listener = here[0]
    for topic in ("superevent", "cbc_gstlal"):
        listener.publish(topic, json.dumps(ALERT))
    lines = {"superevent: S1 new", "cbc_gstlal: S1 new"}
    printed = set()
    try:
        wait_until(lambda: printed.update(capsys.readouterr().out.split("\n")) or printed >= lines)
    finally:
        listener.stop()
        thread.join(60)
    assert not thread.is_alive()


def test_the_example_of_publishing_loses_nothing(here, capsys):
    runpy.run_path(str(EXAMPLES / "sessions.py"), run_name="__main__")
    (sender,) = here
    assert capsys.readouterr().out == ""
    sender.start_at = type(sender.start_at).EARLIEST
    sender.until_eos = True
    uids = []
    sender.listen(lambda topic, payload: uids.append(json.loads(payload)["uid"]), "test_superevent")
    assert sorted(uids) == sorted(["T1", *(f"T{number}" for number in range(100))])


def test_the_document_names_only_what_there_is():
    mentioned = re.findall(
        r"`((?:publish|flush|disconnect|get|listen|stop|batch|retry)\w*)", DOCUMENT
    )
    names = {*dir(client), *inspect.signature(client).parameters}
    assert len(mentioned) > 10
    assert set(mentioned) <= names
