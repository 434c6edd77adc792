# SPDX-License-Identifier: BSD-3-Clause
import io
import json
import sys

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.cli.alert_files import AlertFile, read_alert, split_arguments
from igwn_alert_celery.cli.outgoing import each_to_each
from igwn_alert_celery.errors import PoisonRecord

words = st.text("abc_", min_size=1, max_size=5)
files = st.sampled_from(["-", "a.json", "./alert", "data/b.txt", "/x"])


@pytest.mark.parametrize(
    ("arguments", "files", "topics", "names"),
    [
        (["superevent", "alert.json"], [], ["superevent"], ["alert.json"]),
        (["superevent", "alert.txt"], [], ["superevent"], ["alert.txt"]),
        (["superevent", "cbc_gstlal", "alert"], [], ["superevent", "cbc_gstlal"], ["alert"]),
        (["superevent", "a.json", "b.txt"], [], ["superevent"], ["a.json", "b.txt"]),
        (["a", "b", "./x", "y"], [], ["a", "b"], ["./x", "y"]),
        (["superevent", "-"], [], ["superevent"], ["-"]),
        (["dotted.name", "x.json"], [], ["dotted.name"], ["x.json"]),
        (["a", "b"], ["f", "g"], ["a", "b"], ["f", "g"]),
        (["a", "odd.json"], ["f"], ["a", "odd.json"], ["f"]),
    ],
)
def test_which_arguments_are_topics(arguments, files, topics, names):
    assert split_arguments(arguments, files) == (tuple(topics), tuple(names))


@pytest.mark.parametrize(
    ("arguments", "files"), [(["alert.json"], []), (["superevent"], []), ([], ["f"]), (["-"], [])]
)
def test_topic_and_file_are_both_needed(arguments, files):
    with pytest.raises(click.UsageError, match="no topic"):
        split_arguments(arguments, files)


def test_standard_input_is_read_once():
    with pytest.raises(click.UsageError, match="only once"):
        split_arguments(["a", "-", "-"], [])


@given(st.lists(words, min_size=1), files, st.lists(words | files, max_size=4))
def test_nothing_is_lost_and_the_first_that_looks_like_a_file_is_one(before, first, after):
    if [first, *after].count("-") > 1:
        return
    topics, names = split_arguments([*before, first, *after], [])
    assert (list(topics), list(names)) == (before, [first, *after])


@pytest.mark.parametrize(
    "raw",
    [
        b'{"uid": "S1", "far": 1E-9}',
        b'\xef\xbb\xbf{"uid": "S1", "far": 1E-9}\r\n',
        json.dumps('{"uid": "S1", "far": 1E-9}').encode(),
        json.dumps(json.dumps('{"uid": "S1", "far": 1E-9}')).encode(),
    ],
)
def test_the_senders_own_text_comes_out_however_it_is_wrapped(tmp_path, raw):
    path = tmp_path / "alert.json"
    path.write_bytes(raw)
    assert read_alert(str(path)) == AlertFile(str(path), '{"uid": "S1", "far": 1E-9}')


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "Expecting value"),
        (b"{bad", "Expecting property name"),
        (b'{"far": NaN}', "NaN is no JSON"),
        (b'"{\\"far\\": -Infinity}"', "-Infinity is no JSON"),
        (b'"text"', "no JSON object"),
        (b"12", "no JSON object"),
        (b"null", "no JSON object"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b"<VOEvent/>", "Expecting value"),
    ],
)
def test_what_is_no_alert_is_told(tmp_path, raw, said):
    path = tmp_path / "alert.json"
    path.write_bytes(raw)
    with pytest.raises(PoisonRecord, match=said):
        read_alert(str(path))


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(PoisonRecord, match="No such file"):
        read_alert(str(tmp_path / "nosuch.json"))
    with pytest.raises(PoisonRecord, match="Is a directory"):
        read_alert(str(tmp_path))


def test_a_closed_standard_input_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(PoisonRecord, match="standard input is closed"):
        read_alert("-")


def test_standard_input_is_a_file(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"uid": "S1"}\n')))
    assert read_alert("-") == AlertFile("-", '{"uid": "S1"}')


def test_every_file_goes_to_every_topic_file_by_file():
    one, two = AlertFile("1", "{}"), AlertFile("2", "{}")
    pairs = [
        (each.file.name, each.topic) for each in each_to_each([one, two], "ab", None, test=False)
    ]
    assert pairs == [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b")]


def test_an_alert_is_not_in_the_repr():
    assert "S230518h" not in repr(AlertFile("alert.json", '{"uid": "S230518h"}'))
