# SPDX-License-Identifier: BSD-3-Clause
"""`dead-letters` in this process, with letters in a file."""

import base64
import json
import re

import pytest

from igwn_alert_celery.cli import commands
from igwn_alert_celery.cli.letters import drop
from igwn_alert_celery.cli.letters.choice import Choice, named
from igwn_alert_celery.cli.letters.show import readable
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.enqueue.publish import Publisher
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.unit.letters import add_handler, letter_of


@pytest.fixture
def letters(monkeypatch, app, bridge, tmp_path):
    """The app's dead letters."""
    app.conf.igwn_alert_state_dir = str(tmp_path)
    monkeypatch.setattr(commands, "_app_of", lambda parent: app)
    add_handler(bridge, "handle", "superevent")
    return LocalState(tmp_path / "followup.sqlite").dead_letters


@pytest.fixture
def letter(letters):
    found = letter_of(
        b"no json \x1b[31m\xff\n",
        "not_json",
        key=b"S1",
        headers=(("_id", b"\x00\x01"), ("n", None)),
    )
    letters.add(found)
    return found


def rows(result):
    return [line.split("\t") for line in result.stdout.splitlines()[1:]]


def test_the_list_has_a_line_each_the_newest_first(run, letters, letter):
    late = letter_of(reason="expired", handler="handle", partition=-1, offset=-1)
    letters.add(late)
    result = run("dead-letters", "list")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "id\treason\trecord\thandler\tage\terror"
    first, second = rows(result)
    assert first[:4] == [late.id, "expired", "gracedb.superevent", "handle"]
    assert second[:4] == [letter.id, "not_json", "gracedb.superevent[1]@7", "-"]
    assert (second[4], second[5]) == ("0 s ago", "not_json it was")
    assert result.stderr.startswith("(dead letters of this machine alone, in ")


def test_the_error_is_shortened_and_controls_nothing(run, letters):
    made = letter_of()
    text = "a\x1b[2J\n" + 100 * "b"
    content = {**json.loads(made.to_json()), "error": text, "handler": "h\x07"}
    letters.add(DeadLetter.from_json(json.dumps(content).encode()))
    ((*_, handler, _, error),) = rows(run("dead-letters", "list"))
    assert (handler, error) == ("h�", f"a�[2J {'b' * 73}…")


def test_filters_and_limit(run, letters):
    made = [letter_of(offset=n, reason="expired" if n % 2 else "not_json") for n in range(6)]
    letters.add(*made, letter_of(topic="gracedb.cbc_x"))
    offsets = [row[2][-2:] for row in rows(run("dead-letters", "list", "--reason", "expired"))]
    assert offsets == ["@5", "@3", "@1"]
    result = run("dead-letters", "list", "--topic", "superevent", "--limit", "2")
    assert [row[2][-2:] for row in rows(result)] == ["@5", "@4"]
    assert result.stderr.splitlines()[-1] == "and more; --limit 4 shows further ones"
    assert len(rows(run("dead-letters", "list", "--topic", "gracedb.superevent"))) == 6
    assert rows(run("dead-letters", "list", "--topic", "event")) == []


def test_the_list_as_json_has_no_values(run, letters, letter):
    result = run("dead-letters", "list", "--json")
    (line,) = result.stdout.splitlines()
    assert json.loads(line) == {
        "id": letter.id,
        "reason": "not_json",
        "error": "not_json it was",
        "handler": None,
        "topic": "gracedb.superevent",
        "partition": 1,
        "offset": 7,
        "value_bytes": 15,
        "timestamp_ms": letter.timestamp_ms,
        "at_ms": letter.at_ms,
    }


def test_an_empty_list(run, letters):
    result = run("dead-letters", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("no dead letters\n")


def test_all_of_one_is_shown(run, letter):
    result = run("dead-letters", "show", letter.id[:8])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    for line in (
        f"id         {letter.id}",
        "reason     not_json",
        "error      not_json it was",
        "record     gracedb.superevent[1]@7",
        "handler    all that match",
        "key        S1",
        "header     _id: \\x00\\x01",
        "header     n: none",
        "size       15 bytes",
        "traceback",
        "Traceback …",
        "value",
        "no json \\x1b[31m\\xff",
    ):
        assert line in lines
    assert "\x1b" not in result.stdout


def test_the_bytes_of_one(run, letter):
    result = run("dead-letters", "show", letter.id, "--raw")
    assert result.stdout_bytes == letter.value
    assert result.stderr == ""
    result = run("dead-letters", "show", letter.id, "--json")
    assert DeadLetter.from_json(result.stdout.encode()) == letter
    assert base64.b64decode(json.loads(result.stdout)["value"]) == letter.value


def test_one_that_is_not_there(run, letter):
    result = run("dead-letters", "show", "nosuch-id")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nosuch-id: there is no such dead letter" in result.stderr


def test_the_beginning_of_an_id_must_name_one():
    class Letters:
        def ids(self):
            return ["aaaaaaaa-1", "aaaaaaaa-12", "aaaaaaaa-2", "bbbbbbbb-1"]

    given = ["aaaaaaaa-2", "bbbbbbbb", "aaaaaaaa-1", "aaaaaaaa", "cccccccc", "bbbbbbbb-1"]
    found, wrong = named(Letters(), given)
    # One that is whole is meant, although it begins another one.
    assert found == ["aaaaaaaa-2", "bbbbbbbb-1", "aaaaaaaa-1"]
    assert [text.partition(":")[0] for text in wrong] == ["aaaaaaaa", "cccccccc"]
    assert "3 dead letters begin so" in wrong[0]


def test_replay_says_what_became_of_each(run, letters, letter):
    good, old = letter_of(), letter_of(handler="gone", offset=8)
    letters.add(good, old)
    result = run("dead-letters", "replay", "--all")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{good.id[:8]} gracedb.superevent[1]@7 → handle (")
    assert result.stdout.count("\n") == 1
    _, poison, gone, last = result.stderr.splitlines()
    assert f"{letter.id[:8]} gracedb.superevent[1]@7 is kept: it still cannot be read" in poison
    assert "the app has no handler 'gone' any more" in gone
    assert last == "1 replayed, 2 kept"
    assert letters.ids() == [letter.id, old.id]


def test_replay_obeys_filters_and_names(run, letters):
    made = [letter_of(offset=n, reason="expired" if n % 2 else "other") for n in range(4)]
    letters.add(*made)
    assert run("dead-letters", "replay", "--all", "--reason", "expired").exit_code == 0
    assert letters.ids() == [made[0].id, made[2].id]
    result = run("dead-letters", "replay", made[2].id[:8], "nosuch-id")
    assert result.exit_code == 1
    assert letters.ids() == [made[0].id]


def test_replay_leaves_alone_what_is_too_old_unless_it_is_told(run, bridge, letters):
    add_handler(bridge, "young", "superevent", max_age_s=60)
    late = letter_of(reason="expired", handler="young", age_s=100)
    letters.add(late)
    result = run("dead-letters", "replay", late.id)
    assert result.exit_code == 1
    assert "--ignore-age replays it all the same" in result.stderr
    assert letters.ids() == [late.id]
    assert run("dead-letters", "replay", late.id, "--ignore-age").exit_code == 0
    assert letters.ids() == []


def test_replay_tells_which_handlers_got_a_letter_of_their_own(run, bridge, letters):
    add_handler(bridge, "young", "superevent", max_age_s=60)
    letters.add(letter_of(reason="not_json", age_s=100))
    result = run("dead-letters", "replay", "--all")
    assert result.exit_code == 0
    (kept,) = letters.ids()
    assert re.search(rf"not for young: 1\d\d\.\d s old; kept as {kept[:8]}", result.stderr)


def test_replay_ends_where_the_task_broker_is_away(run, monkeypatch, letters):
    def send(publisher, call):
        raise TaskBrokerUnavailable("nobody there")

    monkeypatch.setattr(Publisher, "send", send)
    letters.add(letter_of(), letter_of(offset=8))
    result = run("dead-letters", "replay", "--all")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[1:] == ["igwn-alert: nobody there"]
    assert letters.count() == 2


def test_drop_of_one(run, letters, letter):
    result = run("dead-letters", "drop", letter.id[:8])
    assert (result.exit_code, result.stdout) == (0, f"{letter.id} dropped\n")
    assert letters.count() == 0
    result = run("dead-letters", "drop", letter.id)
    assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize(
    ("options", "answer", "code", "left"),
    [
        (["--yes"], "", 0, 0),
        ([], "y\n", 0, 0),
        ([], "n\n", 1, 2),
        (["--reason", "expired", "--yes"], "", 0, 1),
        (["--topic", "other", "--yes"], "", 0, 2),
    ],
)
def test_drop_of_all(run, monkeypatch, letters, letter, options, answer, code, left):
    monkeypatch.setattr(drop, "can_ask", lambda: True)
    letters.add(letter_of(reason="expired"))
    result = run("dead-letters", "drop", "--all", *options, input=answer)
    assert (result.exit_code, letters.count()) == (code, left)
    assert ("Drop 2 dead letters for good?" in result.stderr) == bool(answer)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drop", "--all"], "--yes"),
        (["drop"], "name the dead letters by their ids, or give --all"),
        (["drop", "12345678", "--all", "--yes"], "ids and --all: give one of them"),
        (["drop", "12345678", "--reason", "x"], "--reason and --topic go with --all"),
        (["replay"], "name the dead letters by their ids, or give --all"),
        (["replay", "1234567"], "'1234567': give at least 8 characters of an id"),
        (["show", "1234567"], "'1234567': give at least 8 characters of an id"),
        (["show", "12345678", "--raw", "--json"], "--json and --raw: give one of them"),
        (["show"], "Missing argument 'ID'"),
        (["list", "--limit", "0"], "--limit"),
        (["nosuch"], "No such command 'nosuch'"),
    ],
)
def test_wrong_usage_changes_nothing(run, letters, letter, arguments, said):
    result = run("dead-letters", *arguments)
    assert (result.exit_code, result.stdout, letters.count()) == (2, "", 1)
    assert said in result.stderr


def test_without_an_app(run):
    result = run("dead-letters", "list")
    assert result.exit_code == 2
    assert "igwn-alert -A APP dead-letters" in result.stderr


def test_the_global_options_may_stand_after_it(run):
    result = run("dead-letters", "list", "-A", "no_such_module")
    assert result.exit_code == 3
    assert "there is no module 'no_such_module'" in result.stderr


def test_a_choice_without_filters_takes_all():
    assert Choice().takes(letter_of())


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (b"a\n\tb", "a\n\tb"), ("é✓".encode(), "é✓"), (b"\r\x00\xff", "\\r\\x00\\xff")],
)
def test_bytes_become_readable(value, text):
    assert readable(value) == text
