# SPDX-License-Identifier: BSD-3-Clause
import sys

import pytest

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.cli import direct, send, through_app
from igwn_alert_celery.cli.outgoing import Outcome
from igwn_alert_celery.errors import KafkaUnavailable
from tests.unit.apps import new_app


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('{"uid": "S1"}')
    (tmp_path / "b.json").write_text('{"uid": "S2"}')
    (tmp_path / "bad.json").write_text("{bad")


@pytest.fixture
def sent(monkeypatch):
    """What would be sent directly."""
    outgoing = []

    def send_directly(target, each_of):
        outgoing.extend(each_of)
        return (Outcome(each, "partition 0, offset 7 (3 ms)") for each in each_of)

    monkeypatch.setattr(direct, "check_topics", lambda target, topics: None)
    monkeypatch.setattr(direct, "send_directly", send_directly)
    return outgoing


def pairs(outgoing):
    return [(each.topic, each.file.text) for each in outgoing]


def test_every_file_goes_to_every_topic_and_each_is_told(run, sent):
    result = run("-g", "g", "--no-auth", "send", "x", "y", "a.json", "b.json")
    assert result.exit_code == 0
    assert pairs(sent) == [
        ("x", '{"uid": "S1"}'),
        ("y", '{"uid": "S1"}'),
        ("x", '{"uid": "S2"}'),
        ("y", '{"uid": "S2"}'),
    ]
    assert result.stdout.splitlines() == [
        f"{name}.json → g.{topic}: partition 0, offset 7 (3 ms)" for name in "ab" for topic in "xy"
    ]
    assert result.stderr == (
        "sending 2 alerts to g.x, g.y at kafka.scimma.org:9092 without a credential\n"
    )


def test_one_bad_file_sends_nothing(run, sent):
    result = run("-g", "g", "--no-auth", "send", "x", "a.json", "bad.json", "nosuch.json")
    assert (result.exit_code, sent, result.stdout) == (1, [], "")
    first, second, last = result.stderr.splitlines()
    assert first.startswith("igwn-alert: bad.json is not sent: Expecting property name")
    assert second == "igwn-alert: nosuch.json is not sent: No such file or directory"
    assert last == "igwn-alert: nothing was sent; --keep-going sends the others"


def test_keep_going_sends_the_others_and_still_fails(run, sent):
    result = run("-g", "g", "--no-auth", "send", "x", "bad.json", "a.json", "--keep-going")
    assert (result.exit_code, pairs(sent)) == (1, [("x", '{"uid": "S1"}')])


def test_with_nothing_good_there_is_nothing_to_keep_going_with(run, sent):
    result = run("-g", "g", "--no-auth", "send", "x", "--file", "bad.json", "--keep-going")
    assert (result.exit_code, sent) == (1, [])
    assert result.stderr.endswith("igwn-alert: nothing was sent\n")


def test_standard_input_is_sent(run, sent):
    result = run("-g", "g", "--no-auth", "send", "x", "-", input='{"uid": "S3"}\n')
    assert (result.exit_code, pairs(sent)) == (0, [("x", '{"uid": "S3"}')])


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ([], (None, None, False)),
        (["--test"], (None, None, True)),
        (["--key", "k"], ("k", None, False)),
        (["--uid-key"], (True, None, False)),
    ],
)
def test_key_and_test_mark_arrive(run, sent, options, more):
    run("-g", "g", "--no-auth", "send", "x", "a.json", *options)
    assert sent[0].more == more


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.json"], "no topic"),
        ([], "ALERTFILE"),
        (["cbc_*", "a.json"], "is a pattern"),
        (["gracedb.x", "a.json"], "write 'x'"),
        (["x", "a.json", "--key", "k", "--uid-key"], "--key and --uid-key"),
        (["x", "a.json", "--wait", "-1"], "--wait"),
    ],
)
def test_wrong_usage_sends_nothing(run, sent, arguments, said):
    result = run("--no-auth", "send", *arguments)
    assert (result.exit_code, sent) == (2, [])
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_was_not_sent_fails_and_what_nobody_knows_is_another_code(run, monkeypatch):
    ends = iter([{"place": "there"}, {"error": "refused"}, {"error": "late", "is_known": False}])
    monkeypatch.setattr(direct, "check_topics", lambda target, topics: None)
    monkeypatch.setattr(
        direct, "send_directly", lambda target, out: (Outcome(each, **next(ends)) for each in out)
    )
    result = run("-g", "g", "--no-auth", "send", "x", "y", "z", "a.json")
    assert result.exit_code == 5
    assert result.stdout == "a.json → g.x: there\n"
    assert result.stderr.splitlines()[1:] == [
        "igwn-alert: a.json to g.y: refused",
        "igwn-alert: a.json to g.z: late",
    ]


def test_a_kafka_that_is_away_is_one_line(run, monkeypatch):
    def away(target, topics):
        raise KafkaUnavailable("nobody there")

    monkeypatch.setattr(direct, "check_topics", away)
    result = run("-g", "g", "--no-auth", "send", "x", "a.json")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[1:] == ["igwn-alert: nobody there"]


@pytest.fixture
def on_a_terminal(monkeypatch):
    monkeypatch.setattr(send, "can_ask", lambda: True)


@pytest.mark.parametrize(
    ("arguments", "answer", "code"),
    [
        (["send", "x", "a.json"], "n\n", 1),
        # The end of the input, or ctrl-C.
        (["send", "x", "a.json"], "", 130),
        (["send", "x", "a.json"], "y\n", 0),
        (["send", "x", "a.json", "--yes"], "", 0),
        (["send", "x", "a.json", "--test"], "", 0),
        (["-g", "gracedb-test", "send", "x", "a.json"], "", 0),
    ],
)
def test_on_a_terminal_it_asks_before_it_sends_to_gracedb(
    run, sent, on_a_terminal, arguments, answer, code
):
    result = run("--no-auth", *arguments, input=answer)
    assert (result.exit_code, len(sent)) == (code, int(code == 0))
    assert ("Send?" in result.stderr) == bool(answer or code)


def test_elsewhere_it_does_not_ask(run, sent):
    assert not sys.stdin.isatty()
    assert run("--no-auth", "send", "x", "a.json").exit_code == 0
    assert len(sent) == 1


def test_with_an_app_the_app_sends(run, sent, monkeypatch):
    app, calls = new_app(), []
    bridge = IGWNAlert(app, group="gracedb-test", noauth=True)

    def through(found, outgoing, wait_s):
        calls.append((found, pairs(outgoing), wait_s))
        return [Outcome(each, "queued") for each in outgoing]

    monkeypatch.setattr(through_app, "send_through_app", through)
    monkeypatch.setattr("igwn_alert_celery.cli.target.load_app", lambda name: app)
    result = run("-A", "followup", "send", "x", "a.json", "--wait", "7")
    assert result.exit_code == 0
    assert calls == [(bridge, [("x", '{"uid": "S1"}')], 7.0)]
    assert sent == []
    assert result.stderr.endswith("without a credential, through a task of the app followup\n")
