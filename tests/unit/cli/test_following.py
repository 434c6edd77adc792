# SPDX-License-Identifier: BSD-3-Clause
import io
import json
from contextlib import contextmanager

import pytest

from igwn_alert_celery.cli import following
from igwn_alert_celery.cli.decoding import Decoding
from igwn_alert_celery.cli.ending import Ending
from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.following import Following
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.view import Lines
from igwn_alert_celery.cli.window import Window
from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.record import Record


def record(offset, timestamp_ms=0, value=None, headers=(("_format", b"json"),)):
    text = json.dumps(json.dumps({"uid": f"S{offset}"})) if value is None else value
    return Record("g.superevent", 0, offset, timestamp_ms, None, text.encode(), headers)


class Source:
    """Stands in for Kafka: batches of records, and a failure where there is an exception."""

    def __init__(self, batches, target):
        self._batches = batches
        self.decoding = Decoding(target, {})
        self.backlog = 0
        self.handled = []

    def poll(self, timeout_s, most):
        found = self._batches.pop(0)
        if isinstance(found, Exception):
            raise found
        return found, []

    def at_ends(self):
        return not self._batches

    def done(self, record):
        self.handled.append(record.offset)


class Listener:
    def __init__(self, monkeypatch, existing=("g.superevent",), **flags):
        self.output = io.StringIO()
        self.starts = []
        self.sources = []
        self.target = Target(Flags(group="g", noauth=True, **flags))
        self._existing = existing
        monkeypatch.setattr(following, "open_source", self._open)

    @contextmanager
    def _open(self, target, topics, start):
        self.starts.append((topics, start))
        source = Source(self.batches.pop(0), self.target)
        source.existing = self._existing
        self.sources.append(source)
        yield source

    def listen(self, *batches, topics=("superevent",), window=None, **options):
        """Listen to one source after the other, each with its batches."""
        self.batches = list(batches)
        screen = Screen(file=self.output)
        window = window or Window(count=len([r for b in batches for x in b for r in _records(x)]))
        view = Lines(screen, pretty=False)
        Following(self.target, topics, window, view, screen, **options).run(Ending())
        return [json.loads(line)["uid"] for line in self.output.getvalue().splitlines()[1::2]]


def _records(batch):
    return [] if isinstance(batch, Exception) else batch


@pytest.fixture
def listener(monkeypatch):
    return Listener(monkeypatch)


def test_alerts_are_shown_in_their_order(listener):
    assert listener.listen([[record(1), record(2)], [], [record(3)]]) == ["S1", "S2", "S3"]
    assert listener.starts == [(("superevent",), "latest")]


def test_it_ends_after_so_many_and_the_rest_was_not_handled(listener):
    batches = [[record(1), record(2), record(3)]]
    assert listener.listen(batches, window=Window(count=2)) == ["S1", "S2"]
    assert listener.sources[0].handled == [1, 2]


def test_it_ends_with_its_time_once_all_that_was_there_is_read(listener):
    batches = [[record(1, 100), record(2, 300)], [record(3, 150)]]
    window = Window(start=50, until_ms=200)
    assert listener.listen(batches, window=window) == ["S1", "S3"]
    # What was not shown, and what lies behind it, is left to the group's next member.
    assert listener.sources[0].handled == [1]


def test_what_cannot_be_read_is_told_and_the_next_is_shown(listener, capsys):
    assert listener.listen([[record(1, value="{bad"), record(2)]], window=Window(count=1)) == ["S2"]
    error = capsys.readouterr().err
    assert "g.superevent[0] at offset 1 cannot be read: not_json" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("with_tests", "shown"), [(False, ["S2"]), (True, ["S1"])])
def test_hops_tests_are_shown_when_asked_for(listener, with_tests, shown):
    test = record(1, headers=(("_test", b"true"), ("_format", b"json")))
    batches = [[test, record(2)]]
    assert listener.listen(batches, window=Window(count=1), with_tests=with_tests) == shown


def test_tests_are_shown_where_the_setting_says_so(monkeypatch):
    monkeypatch.setenv("IGWN_ALERT_IGNORE_TEST", "0")
    test = record(1, headers=(("_test", b"true"), ("_format", b"json")))
    assert Listener(monkeypatch).listen([[test]]) == ["S1"]


def test_a_failure_ends_it_without_r(listener):
    with pytest.raises(KafkaUnavailable, match="kafka"):
        listener.listen([[record(1)], KafkaUnavailable("gone")], window=Window())
    assert "S1" in listener.output.getvalue()


def test_after_a_failure_it_goes_on_and_shows_nothing_twice(monkeypatch):
    listener = Listener(monkeypatch, retry_on_fatal=True, retry_wait_s=0.0)
    first = [[record(1), record(2)], KafkaUnavailable("gone")]
    second = [[record(1), record(2), record(3)]]
    assert listener.listen(first, second, window=Window(count=3)) == ["S1", "S2", "S3"]
    (_, start), (_, again) = listener.starts
    assert start == "latest"
    assert isinstance(again, int)


def test_no_topic_is_the_whole_group(listener):
    listener.listen([[record(1)]], topics=())
    assert listener.starts == [(("*",), "latest")]


def test_a_missing_topic_is_told_with_the_nearest_and_waited_for(listener, capsys):
    listener.listen([[record(1)]], topics=("superevnt", "superevent"))
    error = capsys.readouterr().err
    assert "there is no topic g.superevnt" in error
    assert "The nearest are g.superevent. Waiting for it" in error


def test_a_group_without_topics_is_told_and_waited_for(monkeypatch, capsys):
    listener = Listener(monkeypatch, existing=("other.superevent",))
    listener.listen([[record(1)]], topics=())
    assert "there is no topic g.*" in capsys.readouterr().err


def test_recreated_topics_begin_anew(listener):
    assert listener.listen([[record(5)], [record(0)]]) == ["S5", "S0"]
