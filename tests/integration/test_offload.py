# SPDX-License-Identifier: BSD-3-Clause
"""Large messages over real HTTP: who sees the credential, and what a bad server can cost."""

import gzip
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from hop import bson
from hop.auth import Auth

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.record import Record
from tests.integration.offload_http import OffloadHTTP, packed

CREDENTIAL = Auth("carol", "se3cret")
MOST = 200_000


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def make_server():
    servers = []

    def make(*who):
        servers.append(OffloadHTTP(*who))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def server(make_server):
    return make_server()


def fetcher(named=None, credential=None, timeout_s=60.0):
    fetch = OffloadFetcher({}, credential, timeout_s, MOST)
    fetch._server = SimpleNamespace(url=lambda: named)
    return fetch


def reason(fetch, url):
    return poison(fetch, url).reason


def poison(fetch, url):
    with pytest.raises(PoisonRecord) as caught:
        fetch(url)
    assert "se3cret" not in str(caught.value)
    return caught.value


def test_the_server_that_kafka_names_is_given_the_credential(make_server):
    server = make_server("carol", "se3cret")
    server.paths["/msg/1"] = packed(b'{"uid": "S1"}', [("_format", b"json")], key=b"k")
    record = fetcher(f"{server.url}/", CREDENTIAL)(f"{server.url}/msg/1")
    assert record == Record(
        "", -1, -1, 1_700_000_000_000, b"k", b'{"uid": "S1"}', (("_format", b"json"),)
    )
    assert not any("se3cret" in str(headers) for _, headers in server.requests)


def test_a_wrong_password_is_told_apart_from_a_server_that_is_away(make_server):
    server = make_server("carol", "another")
    server.paths["/msg/1"] = packed(b"1")
    assert reason(fetcher(server.url, CREDENTIAL), f"{server.url}/msg/1") == "offload_missing"


def test_a_message_that_is_not_there_is_told_apart_after_the_credential_too(make_server):
    server = make_server("carol", "se3cret")
    server.paths["/broken"] = lambda handler: handler.answer(500, b"")
    fetch = fetcher(server.url, CREDENTIAL)
    assert reason(fetch, f"{server.url}/msg/2") == "offload_missing"
    assert reason(fetch, f"{server.url}/broken") == "offload_unavailable"


def test_a_token_is_sent_as_a_bearer_token_only_to_the_named_server(make_server):
    named, other = make_server(), make_server()
    named.paths["/1"] = other.paths["/1"] = packed(b"1")
    token = SimpleNamespace(is_scram=False, is_token=True, token="se3cret")
    fetch = fetcher(named.url, token)
    assert fetch(f"{named.url}/1") == fetch(f"{other.url}/1")
    assert named.credentials_seen() == ["Bearer se3cret"]
    assert other.credentials_seen() == []


def test_no_token_is_no_reason_to_stop(server):
    class Broken:
        is_scram, is_token = False, True

        @property
        def token(self):
            raise RuntimeError("the answer was se3cret")

    assert reason(fetcher(server.url, Broken()), f"{server.url}/1") == "offload_unavailable"
    assert server.requests == []


@pytest.mark.parametrize("named", [None, "http://127.0.0.1:1", "https://127.0.0.1"])
def test_any_other_server_gets_no_credential_from_anywhere(server, monkeypatch, tmp_path, named):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login carol password se3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.paths["/1"] = packed(b"1")
    fetch = fetcher(named, CREDENTIAL)
    fetch(f"{server.url}/1")
    fetch(server.url.replace("//", "//carol:se3cret@") + "/1")
    assert len(server.requests) == 2
    assert server.credentials_seen() == []


def test_a_redirect_carries_neither_credential_nor_cookie(make_server):
    named, other = make_server("carol", "se3cret"), make_server()
    named.paths["/1"] = lambda handler: handler.answer(
        302, b"", Location=f"{other.url}/1", Set_Cookie="session=se3cret"
    )
    other.paths["/1"] = packed(b"moved")
    assert fetcher(named.url, CREDENTIAL)(f"{named.url}/1").value == b"moved"
    ((_, headers),) = other.requests
    assert not {"Authorization", "Cookie"} & headers.keys()


@pytest.mark.parametrize("target", ["/1", "file:///etc/passwd", "ftp://127.0.0.1/", "http://[", ""])
def test_redirects_end(server, target):
    server.paths["/1"] = lambda handler: handler.answer(301, b"", Location=target)
    assert reason(fetcher(), f"{server.url}/1").startswith(("offload", "undecodable"))
    assert len(server.requests) <= 6


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "offload_missing"),
        (401, "offload_missing"),
        (403, "offload_missing"),
        (204, "offload_missing"),
        (429, "offload_unavailable"),
        (500, "offload_unavailable"),
        (503, "offload_unavailable"),
    ],
)
def test_a_status_says_whether_a_later_try_may_succeed(server, status, expected):
    server.paths["/1"] = lambda handler: handler.answer(status, b"")
    assert reason(fetcher(), f"{server.url}/1") == expected


def test_a_server_that_is_away_and_one_that_speaks_no_http(server):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert reason(fetcher(), f"http://127.0.0.1:{port}/1") == "offload_unavailable"
    server.paths["/1"] = lambda handler: handler.wfile.write(b"\x00\x01")
    assert reason(fetcher(), f"{server.url}/1") == "offload_unavailable"


HANGS = {
    "silent": lambda handler: handler.owner.stopping.wait(),
    "drips headers": lambda handler: handler.drip(b"HTTP/1.1 200 OK\r\nX: "),
    "drips its body": lambda handler: handler.drip(
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
    ),
    "drips chunks": lambda handler: handler.drip(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"
    ),
    "stops half-way": lambda handler: (
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\na"),
        handler.owner.stopping.wait(),
    ),
}


@pytest.mark.parametrize("how", HANGS)
def test_a_server_that_hangs_costs_the_limit_twice_and_then_nothing(server, how):
    server.paths["/1"] = HANGS[how]
    fetch, began = fetcher(timeout_s=0.5), time.monotonic()
    found = [poison(fetch, f"{server.url}/1") for _ in range(20)]
    # It would hang for ever.
    assert time.monotonic() - began < 20
    assert {each.reason for each in found} == {"offload_unavailable"}
    rested = ["2 failures in a row; not tried again yet" in str(each) for each in found]
    assert rested == [False] * 2 + [True] * 18
    assert len(server.requests) <= 2


def test_a_download_that_was_given_up_ends(server):
    server.paths["/1"] = HANGS["drips headers"]
    reason(fetcher(timeout_s=0.2), f"{server.url}/1")
    deadline = time.monotonic() + 60
    for thread in threading.enumerate():
        if thread.name == "igwn-alert-download":
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive()


def test_a_name_look_up_that_hangs_costs_the_limit(monkeypatch):
    release = threading.Event()

    def look_up(*_args, **_kwargs):
        release.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    began = time.monotonic()
    try:
        assert reason(fetcher(timeout_s=0.3), "http://slow.invalid/1") == "offload_unavailable"
        assert time.monotonic() - began < 20
    finally:
        release.set()


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "too_large"),
        (b"HTTP/1.1 401 No\r\n\r\n", "offload_missing"),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: SCRAM-SHA-512\r\n\r\n", "offload_missing"),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: SCRAM-SHA-512 a\r\n\r\n", "offload_unavailable"),
        (b"HTTP/1.1 302 No\r\nLocation: /1\r\n\r\n", "offload_missing"),
        (b"HTTP/1.1 500 No\r\n\r\n", "offload_unavailable"),
    ],
)
def test_an_endless_body_is_not_read(server, start, expected):
    def endless(handler):
        handler.wfile.write(start)
        while not handler.owner.stopping.is_set():
            handler.wfile.write(bytes(100_000))

    server.paths["/1"] = endless
    began = time.monotonic()
    assert reason(fetcher(server.url, CREDENTIAL), f"{server.url}/1") == expected
    # Far below the limit, up to which it would come.
    assert time.monotonic() - began < 30


def test_a_compressed_body_is_refused_before_it_grows(server):
    bomb = gzip.compress(bytes(50_000_000))
    server.paths["/1"] = lambda handler: handler.answer(200, bomb, Content_Encoding="gzip")
    assert reason(fetcher(), f"{server.url}/1") == "undecodable"
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no bson",
        packed(b"1")[:-5],
        packed(b"1") + b"more",
        packed("a text"),
        packed(b"1", [("_format", "a text")]),
        packed(b"1", [("a", b"b", b"c")]),
        packed(b"1", timestamp="now"),
        bson.dumps({"message": b"1"}),
        bson.dumps({"metadata": {}}),
        bson.dumps({"$$__CLASS_NAME__$$": "Record"}),
    ],
)
def test_wrong_bson_is_poison_and_no_reason_to_leave_the_server_alone(server, body):
    server.paths["/1"], server.paths["/2"] = body, packed(b"2")
    fetch = fetcher()
    for _ in range(3):
        assert reason(fetch, f"{server.url}/1") == "undecodable"
    assert fetch(f"{server.url}/2").value == b"2"


def test_an_external_record_becomes_its_message_but_never_a_second_fetch(server):
    server.paths["/1"] = packed(b'{"uid": "S1"}', [("_format", b"json")])
    server.paths["/2"] = packed(external(f"{server.url}/1"), [("_format", b"external")])
    fetch = fetcher()
    assert decode(outer(f"{server.url}/1"), max_bytes=MOST, fetch=fetch).content == {"uid": "S1"}
    with pytest.raises(PoisonRecord) as caught:
        decode(outer(f"{server.url}/2"), max_bytes=MOST, fetch=fetch)
    assert caught.value.reason == "undecodable"


def external(url):
    return b'{"url": "%s"}' % url.encode()


def outer(url):
    return Record("g.t", 0, 0, 0, None, external(url), (("_format", b"external"),))
