# SPDX-License-Identifier: BSD-3-Clause
"""Who may see the credential, and when a server is left alone; real HTTP is in integration."""

from types import SimpleNamespace

import pytest
from hop.auth import Auth
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka import offload
from igwn_alert_celery.kafka.download import Unavailable
from igwn_alert_celery.kafka.offload import OffloadFetcher

CREDENTIAL = Auth("carol", "se3cret")
ANYWHERE = "https://elsewhere.org/1"


@pytest.fixture
def world(monkeypatch):
    """A clock, a Kafka that names a server, and servers that answer as they are told."""
    world = SimpleNamespace(
        now=1000.0, named="https://offload.org/api", answer=b"", seen=[], asked=0
    )

    def download(url, credential, timeout_s, most_bytes):
        world.seen.append((url, credential))
        if isinstance(world.answer, Exception):
            raise world.answer
        return world.answer

    def url():
        world.asked += 1
        return world.named

    def fetcher(credential=CREDENTIAL):
        fetch = OffloadFetcher({}, credential, 1.0, 1000)
        fetch._server = SimpleNamespace(url=url)
        return fetch

    world.fetcher = fetcher
    monkeypatch.setattr(offload, "download", download)
    monkeypatch.setattr(offload, "time", SimpleNamespace(monotonic=lambda: world.now))
    return world


def reason(fetch, url=ANYWHERE):
    with pytest.raises(PoisonRecord) as caught:
        fetch(url)
    return caught.value.reason


@pytest.mark.parametrize(
    "url",
    [
        "https://offload.org/msg/1",
        "HTTPS://Offload.ORG/msg/1",
        "https://offload.org:443/msg/1",
        "https://offload.org?id=1",
    ],
)
def test_the_named_server_gets_the_credential(world, url):
    reason(world.fetcher(), url)
    assert world.seen == [(url, CREDENTIAL)]


@pytest.mark.parametrize(
    "url",
    [
        "http://offload.org/msg/1",
        "https://offload.org:8443/msg/1",
        "https://offload.org.evil.com/msg/1",
        "https://evil.com/offload.org",
        "https://offload.org@evil.com/",
        "https://evil.com@offload.org/",
        "https://evil.com#@offload.org/",
        "https://evil.com?@offload.org/",
        "https://offload.org%2eevil.com/",
        "https://offload.org%00.evil.com/",
    ],
)
def test_no_other_server_does(world, url):
    reason(world.fetcher(), url)
    assert world.seen == [(url, None)]


@pytest.mark.parametrize(
    "named", [None, "", "no url", "https://[", "ftp://offload.org", "https://"]
)
def test_nobody_does_when_kafka_names_no_server(world, named):
    world.named = named
    reason(world.fetcher(), "https://offload.org/msg/1")
    assert world.seen == [("https://offload.org/msg/1", None)]


def test_kafka_is_not_asked_without_a_credential(world):
    reason(world.fetcher(credential=None))
    assert world.asked == 0


def test_plain_http_never_carries_the_credential_over_a_network(world, caplog):
    world.named = "http://user:se3cret@offload.org/api?se3cret"
    fetch = world.fetcher()
    for _ in range(2):
        reason(fetch, "http://offload.org/msg/1")
    assert [credential for _, credential in world.seen] == [None, None]
    world.named = "http://offload.org/api?se3cret"
    for _ in range(2):
        reason(fetch, "http://offload.org/msg/1")
    assert [credential for _, credential in world.seen] == [None] * 4
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert warning.getMessage().startswith("Kafka names http://offload.org/api as its server")
    assert "se3cret" not in warning.getMessage()


@pytest.mark.parametrize("host", ["127.0.0.1:80", "127.9.9.9:5", "[::1]:8000", "localhost"])
def test_plain_http_on_this_machine_does(world, caplog, host):
    world.named = f"http://{host}"
    reason(world.fetcher(), f"http://{host}/msg/1")
    assert world.seen == [(f"http://{host}/msg/1", CREDENTIAL)]
    assert not caplog.records


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://host/",
        "//host/",
        "https://",
        "https:///path",
        "https://[/",
        "https://host:0/",
        "https://host:99999/",
        "https://host:port/",
        "https://ho st/",
        "https://host\\@other/",
        "https://höst/",
        "https://host/\r\nX: y",
    ],
)
def test_what_is_no_url_of_http_is_not_asked(world, url):
    assert reason(world.fetcher(), url) == "undecodable"
    assert world.seen == []


def test_two_failures_in_a_row_and_the_server_is_left_alone_for_30_seconds(world):
    fetch = world.fetcher()
    world.answer = Unavailable("away")
    assert [reason(fetch) for _ in range(10)] == ["offload_unavailable"] * 10
    assert len(world.seen) == 2
    world.now += 29
    assert reason(fetch) == "offload_unavailable"
    assert len(world.seen) == 2
    world.now += 2
    for _ in range(3):  # one try, and then it is left alone again
        reason(fetch)
    assert len(world.seen) == 3
    world.now += 31
    world.answer = b""
    assert [reason(fetch) for _ in range(3)] == ["undecodable"] * 3
    assert len(world.seen) == 6
    world.answer = Unavailable("away")
    for _ in range(3):
        reason(fetch)
    assert len(world.seen) == 8


def test_an_answer_between_two_failures_is_no_row(world):
    fetch = world.fetcher()
    for answer in (Unavailable("away"), PoisonRecord("offload_missing", ""), Unavailable("away")):
        world.answer = answer
        reason(fetch)
    world.answer = b""
    assert reason(fetch) == "undecodable"
    assert len(world.seen) == 4


def test_servers_that_anybody_may_name_do_not_stop_the_one_that_kafka_names(world):
    fetch = world.fetcher()
    world.answer = Unavailable("away")
    for number in range(50):
        reason(fetch, f"https://host{number}.org/")
    assert len(world.seen) == 2
    world.answer = b""
    assert reason(fetch, "https://offload.org/msg/1") == "undecodable"
    assert len(world.seen) == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text() | st.text().map("https://{}".format), st.binary(max_size=50))
def test_arbitrary_urls_and_bodies_are_poison(world, url, body):
    world.answer = body
    assert reason(world.fetcher(), url)


def test_the_credential_is_not_shown(world):
    assert "se3cret" not in repr(world.fetcher())
