# SPDX-License-Identifier: BSD-3-Clause
"""From a message of confluent_kafka to a record, whatever its headers are."""

from types import SimpleNamespace

import pytest

from igwn_alert_celery.kafka.consumer import record_of


def message(headers):
    asked = []

    def give():
        asked.append(1)
        assert len(asked) == 1, "a second time it hands out what is half made"
        if isinstance(headers, BaseException):
            raise headers
        return headers

    values = {"topic": "g.t", "partition": 3, "offset": 7, "key": b"k", "value": b"{}"}
    plain = {name: lambda value=value: value for name, value in values.items()}
    return SimpleNamespace(**plain, timestamp=lambda: (1, 1000), headers=give)


@pytest.mark.parametrize("headers", [None, [], [("a", b"\xff"), ("", None), ("a", b"")]])
def test_headers_of_any_kind(headers):
    record = record_of(message(headers))
    assert (record.headers, record.unreadable) == (tuple(headers or ()), "")
    assert (record.topic, record.partition, record.offset, record.timestamp_ms) == (
        "g.t",
        3,
        7,
        1000,
    )


@pytest.mark.parametrize(
    "error",
    [
        SystemError("returned a result with an exception set"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ],
)
def test_headers_that_the_client_cannot_read(error):
    record = record_of(message(error))
    assert record.headers == ()
    assert "not UTF-8" in record.unreadable
    assert (record.key, record.value) == (b"k", b"{}")
