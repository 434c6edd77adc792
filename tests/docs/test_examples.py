# SPDX-License-Identifier: BSD-3-Clause
"""Every example runs: in a worker on the memory transport, or listening on real servers."""

import json
import re
import subprocess
import sys

import pytest

from tests.docs.markdown import ROOT
from tests.docs.worker import ALERT, Deployment, read

EXAMPLES = ROOT / "examples"
NEW = {**json.loads(ALERT), "uid": "S1"}
SELECTED = {
    "uid": "S1",
    "alert_type": "label_added",
    "object": {"labels": ["EM_Selected", "PASTRO_READY", "EM_READY"]},
}


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        check=False,
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("module", "cases"),
    [
        (
            "followup",
            [("superevent", NEW, ["S1: new, FAR 3.2e-09 Hz"]), ("superevent", SELECTED, [])],
        ),
        (
            "filters",
            [
                ("superevent", NEW, ["redraw S1", "slew to S1"]),
                ("superevent", SELECTED, ["draft a circular for S1"]),
                ("cbc_gstlal", NEW, ["look at S1 from cbc_gstlal"]),
                ("cbc_gstlal", {**NEW, "object": {"far": 1e-3}}, []),
                ("mdc_superevent", NEW, ["announce S1"]),
                ("superevent", {**NEW, "alert_type": "signoff_created"}, ["announce S1"]),
            ],
        ),
        ("observatory.celery", [("superevent", NEW, ["keep new of S1", "slew to S1"])]),
        ("signals_only", [("superevent", NEW, ["received superevent S1"])]),
    ],
)
def test_the_handlers_of_an_example_take_what_they_want(module, cases):
    alerts = json.dumps([(topic, alert) for topic, alert, _ in cases])
    text = run(ROOT / "tests" / "docs" / "deliver.py", module, alerts)
    printed = [sorted(part.split("\n")[:-1]) for part in text.split("--\n")[:-1]]
    assert printed == [lines for _, _, lines in cases]


def test_the_example_of_a_test_passes():
    output = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_filters.py")
    assert re.search(r"^\d+ passed", output, re.MULTILINE)


def test_topics_without_a_handler_are_announced_and_garbage_does_not_stop_them(
    kafka, redis_server, tmp_path
):
    deployment = Deployment(kafka, redis_server, ["superevent", "cbc_gstlal"])
    command = ["celery", "--workdir", str(EXAMPLES), "-A", "signals_only", "worker", "-P", "solo"]
    worker = deployment.start(command, tmp_path)
    try:
        read(worker, "receiver running")
        deployment.send("superevent", "no json")
        deployment.send("superevent")
        deployment.send("cbc_gstlal")
        for line in (
            "dead letter not_json",
            "received superevent MS260518a",
            "received cbc_gstlal MS260518a",
        ):
            read(worker, line)
    finally:
        worker.terminate()
    assert "receiver stopped" in worker.log.read_text()


def test_handlers_in_other_modules_listen(kafka, redis_server, tmp_path):
    deployment = Deployment(kafka, redis_server, ["superevent"])
    command = ["celery", "--workdir", str(EXAMPLES), "-A", "observatory", "worker", "-P", "solo"]
    worker = deployment.start([*command, "-l", "INFO"], tmp_path)
    try:
        read(worker, "receiver: running")
        deployment.send("superevent")
        read(worker, "slew to MS260518a")
        read(worker, "keep new of MS260518a")
    finally:
        worker.terminate()
    text = worker.log.read_text()
    assert (text.count("slew to MS260518a"), text.count("keep new of MS260518a")) == (1, 1)
