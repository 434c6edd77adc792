# SPDX-License-Identifier: BSD-3-Clause
"""The playground as a visitor runs it: whole, from other processes, and ended in every way."""

import json
import os
import re
import signal
from pathlib import Path

import confluent_kafka
import pytest

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka import embedded
from igwn_alert_celery.kafka.embedded import EmbeddedKafka, Sender
from igwn_alert_celery.playground.alerts import example
from tests.integration.playground_process import Playground, Terminal
from tests.services.ports import free_port
from tests.services.wait import wait_until

INTRODUCTION = """\
Starting Kafka and a Celery worker, which takes some seconds …

Kafka is embedded (127.0.0.1:PORT), the task broker is a folder of files, and
the Celery worker is a real one (prefork, 2 processes). Its handlers:

vet_event cbc_* Vet the significant events of any CBC pipeline.
point_telescope superevent Point the telescope at each new superevent.
fetch_sky_map superevent Fetch the sky map that a log entry brings.
draft_circular superevent Draft a circular, once two labels are there.
keep_history superevent Keep what is new, updated or labelled.
"""
TABLE = """\
topic alert type queued handler done says
cbc_gstlal G900001 new N ms vet_event N ms H1,L1,V1
superevent SDATEabc new N ms keep_history N ms labels: 0
point_telescope N ms 1 per 10 yr
cbc_mbta G900002 new N ms nobody asks for it: no task
superevent SDATEabc label_added N ms keep_history N ms labels: 1
superevent SDATEabc log N ms fetch_sky_map N ms bayestar.fits
superevent SDATEabc label_added N ms keep_history N ms labels: 2
superevent SDATEabc label_added N ms keep_history N ms labels: 3
superevent SDATEabc update N ms draft_circular N ms 1 per 364 yr
keep_history N ms labels: 3
superevent SDATEabc label_added N ms keep_history N ms labels: 4
superevent SDATEabc log N ms nobody asks for it: no task
superevent SDATEabc signoff_created N ms nobody asks for it: no task
superevent SDATEabc label_added N ms keep_history N ms labels: 5
"""
SUMMARY = """\
12 alerts became 11 tasks, 0 failed; 3 that nobody asks for became none.
After Kafka had an alert it was queued within N ms (median; longest N ms)
and handled within N ms (median; longest N ms).
Ending the worker …
"""
DEMO = f"""\
{INTRODUCTION}
This program plays GraceDB's part, and tells about one invented detection:

{TABLE}
{SUMMARY}\
The app that ran is igwn_alert_celery/playground/app.py. `make playground` keeps
it open for your own alerts and handlers.
"""
HANDLERS = """\
from igwn_alert_celery.playground.app import igwn_alert

@igwn_alert.handler("superevent", alert_type="update")
def mine(alert):
    print("seen", alert.uid, alert.far)

@igwn_alert.handler("mdc_superevent")
def broken(alert):
    return alert["nothing"]
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    if not Path("/proc/self/environ").exists():
        pytest.skip("what is left behind can be seen on Linux only")
    started = []

    def start(*arguments, **options):
        started.append(Playground(tmp_path_factory.mktemp("temporary"), *arguments, **options))
        return started[-1]

    yield start
    for playground in started:
        playground.kill()


@pytest.fixture(scope="module")
def demos(start, tmp_path_factory):
    """Several at once, each looked at by one test: once it has started, each mostly waits."""
    mine = tmp_path_factory.mktemp("mine") / "mine.py"
    mine.write_text(HANDLERS.replace("mdc_superevent", "cbc_gstlal"))
    terminal = Terminal(80)
    kinds = {
        "piped": ((), {}),
        "live": ((), {"output": terminal.theirs}),
        "failing": (("--handlers", str(mine)), {}),
        "unread": ((), {}),
    }
    started = {}
    for name, (arguments, options) in kinds.items():
        started[name] = start("--demo", *arguments, **options)
        # It gives its worker 35 s, in which the others must not start as well.
        started[name].wait_for("receiver: running")
    return {**started, "terminal": terminal}


def plain(output):
    """Return the output without what differs from run to run."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", output)
    text = re.sub(r"S\d{6}abc", "SDATEabc", re.sub(r"\d+ ms", "N ms", text))
    # Which of two handlers is done first is open.
    text = re.sub(r"(point_telescope +N ms .*)(\n +)(keep_history .*)", r"\3\2\1", text)
    text = re.sub(r"(keep_history +N ms .*)(\n +)(draft_circular .*)", r"\3\2\1", text)
    return "".join(f"{' '.join(line.split())}\n" for line in text.splitlines())


def median_ms(output):
    """Return the larger median of two; what was longest is the machine's."""
    queued, handled = re.findall(r"within (\d+) ms \(median", output)
    return max(int(queued), int(handled))


def test_a_pipe_that_is_closed_ends_the_demo_without_a_word(demos):
    popen = demos["unread"].popen
    assert popen.stdout.readline().startswith("Starting")
    popen.stdout.close()
    assert popen.wait(120) == 128 + signal.SIGPIPE
    assert popen.stderr.read() == ""
    assert demos["unread"].left_behind() == []


def test_the_demo_shows_a_detection_and_ends_by_itself(demos):
    code, output, errors = demos["piped"].end()
    assert (code, errors) == (0, "")
    assert plain(output) == DEMO
    assert max(map(len, output.splitlines())) <= 100
    assert median_ms(output) < 2_000
    assert demos["piped"].left_behind() == []


def test_on_a_terminal_the_table_is_live_and_fits(demos):
    code, _, errors = demos["live"].end()
    screen, ever = demos["terminal"].close()
    assert (code, errors) == (0, "")
    assert plain(screen).rstrip("\n") == DEMO.rstrip("\n")
    assert any("on its way …" in line for line in ever)
    assert max(map(len, ever)) <= 80
    assert demos["live"].left_behind() == []


def test_a_failing_handler_fails_the_demo_and_says_so(demos):
    code, output, errors = demos["failing"].end()
    assert code == 1
    assert "12 alerts became 13 tasks, 1 failed; 3 that nobody asks for" in output
    assert errors == "not every alert was handled:\n  broken on new G900001: KeyError: 'nothing'\n"
    assert demos["failing"].left_behind() == []


def test_a_playground_takes_alerts_and_handlers_of_one_s_own(start, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(HANDLERS)
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        playground = start("--handlers", str(mine), output=output)
    playground.wait_until_running()
    assert playground.send("--example", "update").startswith("sent to playground.superevent: upd")
    (tmp_path / "alert.json").write_text('{"uid": "MS1", "alert_type": "new"}')
    playground.send("mdc_superevent", str(tmp_path / "alert.json"))
    lines = [
        "mine N ms seen SDATEabc 8.7e-11\n",
        "mdc_superevent MS1 new N ms broken N ms failed: KeyError: 'nothing'\n",
    ]

    def text():
        return plain(printed.read_text(encoding="utf-8"))

    wait_until(lambda: all(line in text() for line in lines), 90, "both alerts are told")
    code, _, errors = playground.end(signal.SIGINT)
    assert (code, errors) == (0, "")
    shown = text()
    assert "mine superevent\nbroken mdc_superevent\n" in shown
    assert "2 alerts became 4 tasks, 1 failed.\n" in shown
    assert shown.endswith("Ending the worker …\n")
    assert playground.left_behind() == []


def test_what_is_wrong_with_a_visitor_s_file_is_told_in_a_line(start, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from igwn_alert_celery.playground.app import igwn_alert\nigwn_alert.handler(\n"
    )
    playground = start("--handlers", str(mine))
    code, output, errors = playground.end()
    assert (code, errors) == (1, "mine.py, line 2: '(' was never closed: igwn_alert.handler(\n")
    assert output.splitlines()[-1] == "Ending the worker …"
    assert playground.left_behind() == []


def test_a_signal_ends_the_demo_in_order_while_it_starts(start):
    playground = start("--demo")
    playground.wait_for("playground@")
    code, output, errors = playground.end(signal.SIGTERM)
    assert (code, errors) == (128 + signal.SIGTERM, "")
    assert output.splitlines()[-1] == "Ending the worker …"
    assert playground.left_behind() == []


def test_a_demo_that_is_killed_leaves_nothing_behind_either(start):
    playground = start("--demo")
    playground.wait_for("receiver: starting")
    assert playground.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert playground.left_behind() == []


def test_a_worker_that_dies_ends_the_demo_with_its_last_words(start):
    playground = start("--demo")
    playground.wait_for("receiver: starting")
    # How much it says before it dies is open; an open file is still there after its removal.
    with playground.worker_log().open() as log:
        os.kill(playground.worker(), signal.SIGKILL)
        code, _, errors = playground.end()
        said = log.read()
    assert code == 1
    first, *last = errors.splitlines()
    assert first == "the worker ended by itself (SIGKILL); its last lines:"
    assert len(last) > 1
    assert "\n".join(line.removeprefix("  ") for line in last) in said
    assert playground.left_behind() == []


def test_an_alert_travels_as_gracedb_sends_it():
    kafka = EmbeddedKafka(["playground.superevent"])
    topic, alert = example("new")
    alert_id = Sender(kafka.address).send(f"playground.{topic}", alert)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.address, "group.id": "test"})
    try:
        parts = [confluent_kafka.TopicPartition(f"playground.{topic}", n, 0) for n in range(4)]
        consumer.assign(parts)
        # What comes first may be an error that passes.
        message = wait_until(lambda: good(consumer.poll(0.1)), 60, "the alert")
    finally:
        consumer.close()
        kafka.close()
    headers = dict(message.headers())
    assert json.loads(json.loads(message.value())) == alert
    assert (headers["_id"].hex(), headers["_format"]) == (alert_id.replace("-", ""), b"json")


def good(message):
    return message if message is not None and message.error() is None else None


def test_a_kafka_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(embedded, "CALL_S", 0.5)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(KafkaUnavailable, match=f"no Kafka at {address}: "):
        Sender(address)
