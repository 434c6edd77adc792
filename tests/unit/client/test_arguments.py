# SPDX-License-Identifier: BSD-3-Clause
from datetime import timedelta

import pytest

from igwn_alert_celery import client
from igwn_alert_celery.client.address import place_of, regex_of
from igwn_alert_celery.errors import ArgumentError


def make(**options):
    return client(**{"noauth": True, **options})


def test_none_means_the_default():
    names = [
        "auth", "authfile", "group", "server", "port", "batch_size", "batch_timeout",
        "retry_on_fatal", "listen_retries", "retry_wait", "jsonpp_on",
    ]  # fmt: skip
    plain, with_none = make(), make(**dict.fromkeys(names))
    for name in [*names[4:], "group_prefix", "base_url_prefix", "consumer_group", "auth_obj"]:
        assert getattr(with_none, name) == getattr(plain, name), name


def test_attributes_are_those_of_igwn_alert():
    made = make(group="g", consumer_group="c", batch_size=7, batch_timeout=3, jsonpp_on=True)
    assert (made.group_prefix, made.consumer_group, made.batch_size) == ("g", "c", 7)
    assert (made.batch_timeout, made.jsonpp_on, made.sessions) == (3, True, {})
    assert not made.stop_listening.is_set()
    assert made.auth is None


@pytest.mark.parametrize(
    ("server", "port", "base", "effective"),
    [
        ("kafka://host/", 1234, "kafka://host:1234/g", 1234),
        ("kafka://host", 9092, "kafka://host:9092/g", 9092),
        ("kafka://host:9093/", None, "kafka://host:9093/g", 9093),
        ("kafka://host:9093/", 9093, "kafka://host:9093/g", 9093),
        ("host", 1234, "kafka://host:1234/g", 1234),
        ("kafka://[::1]/", 1234, "kafka://[::1]:1234/g", 1234),
    ],
)
def test_server_and_port_make_an_address(server, port, base, effective):
    made = make(server=server, port=port, group="g")
    assert (made.base_url_prefix, made.port, made.server) == (base, effective, server)


def test_a_port_that_contradicts_the_url_is_told():
    with pytest.warns(UserWarning, match="wins over port=9094"):
        assert make(server="kafka://host:9093/", port=9094).port == 9093


@pytest.mark.parametrize(
    "wrong",
    [
        {"server": 5},
        {"server": "http://host/"},
        {"server": "kafka://a:1,b:2/"},
        {"port": "onetwo"},
        {"port": 0},
        {"group": 3},
        {"group": "gracedb."},
        {"batch_size": 0},
        {"batch_size": "many"},
        {"batch_timeout": -1},
        {"batch_timeout": "soon"},
        {"listen_retries": -1},
        {"consumer_group": 3},
        {"retry_wait": timedelta(seconds=-1)},
    ],
)
def test_a_wrong_argument_is_named(wrong):
    (name,) = wrong
    with pytest.raises(ArgumentError, match=f"^{name} = ") as caught:
        make(**wrong)
    # As igwn-alert has it, and as one would expect.
    assert isinstance(caught.value, (AssertionError, ValueError))


def test_a_credential_in_the_url_is_refused_and_not_shown():
    with pytest.raises(ArgumentError) as caught:
        make(server="kafka://me:hunter2@host/")
    assert "hunter2" not in str(caught.value)


def test_topics_make_a_url():
    made = make(server="kafka://test.server", port=1234, group="test")
    assert made._construct_topic_url("one") == "kafka://test.server:1234/test.one"
    several = made._construct_topic_url(["one", "cbc.dotted"])
    assert several == "kafka://test.server:1234/test.one,test.cbc.dotted"


def test_a_url_makes_topics():
    place = place_of("kafka://me@host:9092/g.one,g.cbc_*")
    assert (place.address, place.username) == ("host:9092", "me")
    assert place.topics == ("g.one", "g.cbc_*")
    for wrong in ("http://host/", "kafka://a,b/t"):
        with pytest.raises(ValueError, match=r"kafka://|one server"):
            place_of(wrong)


def test_a_pattern_makes_a_regular_expression():
    assert [regex_of(name) for name in ("g.one", "g.cbc_*", "g.a?c")] == [
        "g.one",
        r"^g\.cbc_.*$",
        r"^g\.a.c$",
    ]
