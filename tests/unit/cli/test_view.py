# SPDX-License-Identifier: BSD-3-Clause
import io
import json

import pytest

from igwn_alert_celery.cli.screen import Screen, age, utc
from igwn_alert_celery.cli.view import JsonLines, Lines, Seen, Table, choose_view, rate

ALERT = {
    "uid": "S230518h",
    "alert_type": "new",
    "data": {},
    "object": {
        "far": 3.2e-09,
        "labels": ["EM_READY", "ADVOK"],
        "category": "Production",
        "links": {"self": "https://gracedb.ligo.org/api/superevents/S230518h/"},
    },
}


def seen(content=ALERT, text=None, **more):
    text = json.dumps(content) if text is None else text
    return Seen("gracedb.superevent", "superevent", content, text, 1_779_109_148_000, **more)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_elsewhere_than_on_a_terminal_the_lines_are_igwn_alerts():
    output = io.StringIO()
    Lines(Screen(file=output), pretty=False).show(seen(text='{"uid":  "S1"}'))
    assert output.getvalue() == 'New message from topic gracedb.superevent:\n{"uid":  "S1"}\n'


def test_pretty_json_is_indented_by_four():
    output = io.StringIO()
    Lines(Screen(file=output), pretty=True).show(seen())
    head, _, body = output.getvalue().partition("\n")
    assert head == "New message from topic gracedb.superevent:"
    assert body == json.dumps(ALERT, indent=4) + "\n"


@pytest.mark.parametrize(
    "text",
    ['{"far": 1E-9, "a": 1, "a": 2}', '{"a": "é\\u001b[31m"}', '{"a": "one\\ntwo"}', '{"a": 1}\n'],
)
def test_a_json_line_is_the_senders_own_text(text):
    output = io.StringIO()
    JsonLines(Screen(file=output), with_record=False).show(seen(json.loads(text), text))
    assert output.getvalue() == text.strip() + "\n"


@pytest.mark.parametrize("text", ['{\n "a": 1\n}', '{\r"a": 1}', '{"a": "x\u2028y"}'])
def test_what_is_written_over_several_lines_becomes_one(text):
    output = io.StringIO()
    JsonLines(Screen(file=output), with_record=False).show(seen(json.loads(text), text))
    assert len(output.getvalue().splitlines()) == 1
    assert json.loads(output.getvalue()) == json.loads(text)


@pytest.mark.parametrize("view", [JsonLines, Lines])
def test_what_the_output_has_no_letter_for_stays_json(view):
    raw = io.BytesIO()
    screen = Screen(file=io.TextIOWrapper(raw, encoding="latin-1"))
    options = {"with_record": False} if view is JsonLines else {"pretty": False}
    content = {"uid": "S\u00fc\U0001f600"}
    view(screen, **options).show(seen(content, json.dumps(content, ensure_ascii=False)))
    screen.file.flush()
    assert json.loads(raw.getvalue().decode("latin-1").splitlines()[-1]) == content


def test_with_the_record_a_line_tells_where_the_alert_came_from():
    output = io.StringIO()
    record = {"topic": "superevent", "partition": 1, "offset": 7}
    JsonLines(Screen(file=output), with_record=True).show(seen(record=record))
    assert json.loads(output.getvalue()) == {"record": record, "alert": ALERT}


def test_on_a_terminal_the_first_things_come_first(terminal):
    screen = Screen(file=terminal, color_system=None, width=100)
    Table(screen, pretty=False).show(seen())
    assert terminal.getvalue().splitlines() == [
        "12:59:08  superevent  new  S230518h  FAR 1 per 9.9 yr",
        "          Production",
        "          ADVOK EM_READY",
        "          https://gracedb.ligo.org/api/superevents/S230518h/",
    ]


def test_on_a_terminal_pretty_json_follows(terminal):
    screen = Screen(file=terminal, color_system=None, width=100)
    Table(screen, pretty=True).show(seen())
    body = terminal.getvalue().partition("S230518h/\n")[2]
    assert json.loads(body) == ALERT
    assert '\n    "uid": "S230518h"' in body


def test_nothing_in_an_alert_controls_the_terminal(terminal):
    evil = "\x1b]0;owned\x07\x1b[2J\r\n[bold]x[/bold]\u202e"
    alert = {"uid": evil, "alert_type": evil, "object": {"labels": [evil], "links": {"self": evil}}}
    Table(Screen(file=terminal, color_system=None, width=200), pretty=True).show(seen(alert))
    written = terminal.getvalue()
    assert "[bold]x[/bold]" in written
    assert all(char == "\n" or char.isprintable() for char in written)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"content": "x", "format": "voevent"},
        {"uid": 7, "alert_type": None, "object": []},
        {"object": {"far": True, "labels": 3, "links": []}},
    ],
)
def test_any_alert_can_be_shown(terminal, content):
    Table(Screen(file=terminal, color_system=None, width=80), pretty=True).show(seen(content))
    assert "superevent" in terminal.getvalue()


@pytest.mark.parametrize(
    ("far_hz", "text"),
    [
        (None, ""),
        (0.0, "FAR 0"),
        (1e-9, "FAR 1 per 31.7 yr"),
        (1e-6, "FAR 31.6 per yr"),
        (float("nan"), "FAR 0"),
    ],
)
def test_a_rate_in_words(far_hz, text):
    assert rate(far_hz) == text


def test_the_view_fits_the_output(terminal):
    pipe, live = Screen(file=io.StringIO()), Screen(file=terminal)
    plain = {"pretty": False, "as_json": False, "with_record": False}
    assert isinstance(choose_view(pipe, **plain), Lines)
    assert isinstance(choose_view(live, **plain), Table)
    for screen in (pipe, live):
        assert isinstance(choose_view(screen, **{**plain, "as_json": True}), JsonLines)
        assert isinstance(choose_view(screen, **{**plain, "with_record": True}), JsonLines)


def test_times_for_people(monkeypatch):
    monkeypatch.setattr("igwn_alert_celery.cli.screen.time.time", lambda: 1_000_000.0)
    assert [age(ms) for ms in (None, -1, 999_970_000, 999_000_000, 990_000_000, 700_000_000)] == [
        "-",
        "-",
        "30 s ago",
        "17 min ago",
        "3 h ago",
        "3 d ago",
    ]
    assert (utc(-1), utc(1_779_109_148_000)) == ("--:--:--", "12:59:08")
