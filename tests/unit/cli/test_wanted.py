# SPDX-License-Identifier: BSD-3-Clause
import click
import pytest

from igwn_alert_celery.cli.wanted import checked, found, missing_text, of_group
from igwn_alert_celery.settings import Settings

SETTINGS = Settings(group="gracedb")
EXISTING = [
    "gracedb.superevent",
    "gracedb.cbc_gstlal",
    "gracedb.cbc_pycbc",
    "gracedb.dotted.name",
    "gracedb-test.superevent",
    "gracedbx.superevent",
    "gracedb",
    "mygracedb.superevent",
]


def test_only_what_begins_with_the_group_and_a_dot_belongs_to_it():
    assert of_group(SETTINGS, EXISTING) == [
        "gracedb.cbc_gstlal",
        "gracedb.cbc_pycbc",
        "gracedb.dotted.name",
        "gracedb.superevent",
    ]


def test_no_topic_is_the_whole_group():
    assert found(SETTINGS, (), EXISTING) == of_group(SETTINGS, EXISTING)


def test_names_stay_whether_they_exist_or_not_and_patterns_become_what_they_find():
    names = found(SETTINGS, ("nosuch", "cbc_*", "cbc_pycbc"), EXISTING)
    assert names == ["gracedb.nosuch", "gracedb.cbc_pycbc", "gracedb.cbc_gstlal"]


def test_topics_are_taken_as_they_are_and_once():
    assert checked(SETTINGS, ("a", "cbc_*", "a", "dotted.name")) == ("a", "cbc_*", "dotted.name")


@pytest.mark.parametrize(
    ("topic", "said"),
    [("gracedb.superevent", "write 'superevent'"), ("a b", "topic 'a b'"), ("", "topic ''")],
)
def test_what_cannot_be_a_topic_is_wrong_usage(topic, said):
    with pytest.raises(click.UsageError, match=said):
        checked(SETTINGS, (topic,))


def test_a_pattern_is_none_to_send_to():
    with pytest.raises(click.UsageError, match="'cbc_\\*' is a pattern: give one topic"):
        checked(SETTINGS, ("cbc_*",), patterns=False)


def test_a_missing_topic_is_told_with_the_nearest_of_its_group():
    text = missing_text(SETTINGS, "gracedb.superevnt", EXISTING)
    assert text.startswith("there is no topic gracedb.superevnt, or your credential may not read")
    assert "The nearest are gracedb.superevent" in text
    assert "gracedb-test" not in text


def test_without_any_topic_of_the_group_other_groups_are_near():
    text = missing_text(Settings(group="gracedb-tst"), "gracedb-tst.superevent", EXISTING)
    assert "gracedb-test.superevent" in text
    assert "nearest" not in missing_text(SETTINGS, "gracedb.superevent", [])
