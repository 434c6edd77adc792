# SPDX-License-Identifier: BSD-3-Clause
"""What stands beside a commit is ours or anybody's, and never stops a receiver."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.worker.commit_note import LIVE_S, CommitNote

NOTE = CommitNote("ledger", "topic", 1_800_000_000.0, "mark", 7)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_it_comes_back():
    assert CommitNote.read(NOTE.text()) == NOTE


def test_that_of_an_older_version_tells_no_claim():
    note = CommitNote.read('{"ledger": "a", "topic": "b", "at": 1, "handlers": "c"}')
    assert note == CommitNote("a", "b", 1.0, "c")


@given(st.text() | JSON.map(json.dumps))
def test_whatever_somebody_else_committed_is_no_note(text):
    assert CommitNote.read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "1",
        '"x"',
        "[]",
        "[" * 100_000,
        '{"ledger": "a", "topic": "b"}',
        f'{{"ledger": "a", "topic": "b", "at": {"9" * 400}}}',
        '{"ledger": "a", "topic": "b", "at": "soon"}',
        '{"ledger": "a", "topic": "b", "at": 1, "claimed": "soon"}',
        '{"ledger": "a", "topic": "b", "at": 1, "claimed": Infinity}',
    ],
)
def test_odd_metadata_is_no_note(text):
    assert CommitNote.read(text) is None


@pytest.mark.parametrize("at_s", ["Infinity", "-Infinity", "NaN", "1e300", "0"])
def test_an_odd_time_is_not_live(at_s):
    note = CommitNote.read(f'{{"ledger": "a", "topic": "b", "at": {at_s}}}')
    assert note is not None
    assert not note.is_live(1_800_000_000.0)


def test_it_is_live_for_a_while():
    assert NOTE.is_live(NOTE.at_s + LIVE_S - 1)
    assert not NOTE.is_live(NOTE.at_s + LIVE_S + 1)
