# SPDX-License-Identifier: BSD-3-Clause
"""The README's example, run as it is printed; it prints what the README says."""

import json
import re
import subprocess

from tests.docs.markdown import ROOT, blocks
from tests.docs.worker import Deployment, read

README = ROOT / "README.md"
TOPICS = ["superevent", "mdc_superevent"]
TIME = re.compile(r"^\[[\d :,-]+: ")


def printed_in_the_readme():
    (block,) = (b for b in blocks(README, "console") if "celery -A followup worker" in b.text)
    command, *lines = block.text.splitlines()
    return command.removeprefix("$ ").split(), lines


def test_the_example_prints_what_the_readme_says(kafka, redis_server, tmp_path):
    code = next(b.text for b in blocks(README, "python") if "def on_superevent" in b.text)
    (tmp_path / "followup.py").write_text(code)
    deployment = Deployment(kafka, redis_server, TOPICS)
    for topic in TOPICS:
        deployment.send(topic)
    command, (*block, task) = printed_in_the_readme()
    worker = deployment.start(command, tmp_path)
    try:
        text = read(worker, block[-1])
        assert plain(here(block, deployment, kafka)) == plain(start_block(text, len(block)))
        wait_for_stats(deployment, tmp_path, lambda _stats: True)
        deployment.send("mdc_superevent")
        text = read(worker, f"{task[TIME.match(task).end() :].partition(' ')[2]}\n")
        (line,) = (line for line in text.splitlines() if "FAR" in line)
        assert re.sub(r"Worker-\d", "Worker-1", TIME.sub("", line)) == TIME.sub("", task)
        # The handler may be done before the alert is counted, and shown as done.
        (shown,) = (json.loads(b.text) for b in blocks(README, "json") if "igwn-alert" in b.text)
        wait_for_stats(deployment, tmp_path, lambda stats: same_shape(shown, stats))
    finally:
        worker.terminate()


def here(block, deployment, kafka):
    """Return the README's lines with the places of this test."""
    text = "\n".join(block)
    for there, place in {
        "kafka.scimma.org:9092 (as jdoe-a1b2c3d4)": f"{kafka.bootstrap} (without a credential)",
        "jdoe-a1b2c3d4-followup": deployment.environ["IGWN_ALERT_CONSUMER_GROUP"],
        "gracedb-playground": deployment.group,
    }.items():
        assert there in text
        text = text.replace(there, place)
    return text.splitlines()


def plain(lines):
    return [re.sub(r"last record .* ago", "last record … ago", line) for line in lines]


def start_block(text, length):
    lines = text.splitlines()
    start = lines.index("[igwn-alert]")
    return lines[start : start + length]


def wait_for_stats(deployment, folder, until):
    """Ask by the README's own command until the worker listens and says what is waited for."""
    for _ in range(20):
        done = subprocess.run(
            ["celery", "-A", "followup", "inspect", "stats", "--json"],
            check=False,
            cwd=folder,
            env=deployment.environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode == 0:
            (stats,) = json.loads(done.stdout).values()
            if stats["igwn-alert"]["state"] == "running" and until(stats):
                return
    raise AssertionError(done.stdout + done.stderr)


def same_shape(shown, real):
    """Whether all that is shown is there, with the same type and for states the same value."""
    if isinstance(shown, dict):
        return all(key in real and same_shape(value, real[key]) for key, value in shown.items())
    if shown in ("running", 1):
        return shown == real
    return type(shown) is type(real)
