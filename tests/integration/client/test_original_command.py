# SPDX-License-Identifier: BSD-3-Clause
"""With igwn-alert 0.7.0's own command at the other end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.integration.client.port_9092 import port_9092
from tests.services.wait import wait_until

ALERT = {"uid": "S0", "alert_type": "new", "data": {}, "object": {"labels": ["A", "ä"]}}
OURS = """
import sys
from igwn_alert_celery import client
server, group, pretty = sys.argv[1:]
client(server=server, group=group, noauth=True, jsonpp_on=pretty == "-j").listen(None, "single")
"""


@pytest.fixture
def their_server(kafka):
    with port_9092(kafka.bootstrap) as host:
        yield f"kafka://{host}/"


def their_command(original, server, group, *arguments):
    return [str(original.command), "--no-auth", "-g", group, "-s", server, *arguments]


def test_our_handlers_run_for_what_the_command_sends(original, their_server, deployment, tmp_path):
    deployment.start().listen()
    file = tmp_path / "alert.json"
    file.write_text(json.dumps(ALERT))
    send = ("send", "superevent", str(file))
    original.run(their_command(original, their_server, deployment.group, *send), tmp_path)
    deployment.expect_once_each(range(1))


@pytest.mark.parametrize("pretty", ["-j", "--"])
def test_our_client_prints_the_lines_that_the_command_prints(
    original, their_server, kafka, group, make_client, tmp_path, pretty
):
    kafka.create_topic(f"{group}.single")  # of one partition, so that there is one order
    logs = [tmp_path / "theirs.txt", tmp_path / "ours.txt"]
    options = [pretty] if pretty == "-j" else []
    theirs = their_command(original, their_server, group, *options, "listen", "single")
    ours = [sys.executable, "-c", OURS, f"kafka://{kafka.bootstrap}/", group, pretty]
    started = [original.start(theirs, tmp_path, logs[0]), _start(ours, logs[1])]
    try:
        client = make_client()
        for log in logs:
            wait_until(lambda log=log: _heard_probe(client, log), 120, f"{log.name}: {log}")
        client.publish("single", json.dumps(ALERT))
        if pretty != "-j":  # the original dies of it
            client.publish("single", ALERT)
        client.publish("single", json.dumps({"last": 1}))
        for log in logs:
            wait_until(lambda log=log: _is_whole(log.read_text()), 90, str(log))
    finally:
        for popen in started:
            os.killpg(popen.pid, signal.SIGINT)
            popen.wait(60)
    their_lines, our_lines = (_without_probes(log.read_text()) for log in logs)
    assert our_lines == their_lines
    assert our_lines.startswith(f"New message from topic {group}.single:\n")
    assert started[1].returncode == 0


def _start(argv, log):
    with log.open("wb") as output:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True
        )


def _is_whole(text):
    # It may just be writing.
    return '"last"' in text and text.endswith("\n")


def _heard_probe(client, log):
    if "probe" in log.read_text():
        return True
    client.publish("single", '{"probe": 1}')
    return False


def _without_probes(text):
    parts = text.split("New message from topic ")
    return "New message from topic ".join(part for part in parts if "probe" not in part)
