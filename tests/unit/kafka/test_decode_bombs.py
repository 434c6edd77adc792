# SPDX-License-Identifier: BSD-3-Clause
"""Records made to cost more than they are: each is over within a bounded time."""

import json
import time

import pytest

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.record import Record

MOST = 1_000_000  # Kafka's own bound
WRAPPED = b'{"header": %s, "body": ""}'
BOMBS = {
    "open lists": (None, b"[" * MOST),
    "lists in a list": (None, b"[" + b"[]," * 330_000 + b"[]]"),
    "small objects": (b"json", b"[" + b'{"a":1},' * 120_000 + b"{}]"),
    "escaped quotes": (b"json", b'"' + b'\\"' * 490_000 + b'"'),
    "backslashes": (None, b'"' + b"\\\\" * 490_000),
    "hidden lists": (None, json.dumps("[" + "[]," * 220_000 + "[]]").encode()),
    "digits": (None, b"1" * MOST),
    "exponents": (None, b"[" + b"1e999999," * 100_000 + b"1]"),
    "kombu's mark": (None, b'{"__type__": 0, "a": [%s0]}' % (b'{"b":0},' * 100_000)),
    "envelope": (None, b'{"format": "blob", "content": [%s0]}' % (b"[]," * 300_000)),
    "notice of one line": (b"gcntextnotice", b"a" * MOST),
    "notice of one key": (b"gcntextnotice", b"a:b\n" * 24_000),
    "notice without keys": (b"gcntextnotice", b"a:\n" + b"b\n" * 49_000),
    "circular": (b"circular", WRAPPED % (b"[" + b"[]," * 300_000 + b"0]")),
    "deep circular": (b"circular", WRAPPED % (b"[" * 100_000 + b"]" * 100_000)),
    "elements": (b"voevent", b'<voe:VOEvent ivorn="a">' + b"<a/>" * 100_000 + b"</voe:VOEvent>"),
    "attributes": (
        b"voevent",
        b"<voe:VOEvent %s/>" % b" ".join(b'a%d=""' % n for n in range(90_000)),
    ),
    "texts": (b"voevent", b'<voe:VOEvent ivorn="a">' + b"<a/>b" * 100_000 + b"</voe:VOEvent>"),
    "deep elements": (b"voevent", b"<a>" * 1_000_000),
    "xml in json": (b"voevent", b'{"ivorn": "a", "Who": %s}' % (b"[" * 5000 + b"]" * 5000)),
    "blob": (b"blob", bytes(MOST)),
    "format": (b"x" * 1_000_000, b"{}"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name):
    fmt, value = BOMBS[name]
    headers = () if fmt is None else (("_format", fmt),)
    began = time.thread_time()
    try:
        decode(Record("g.t", 0, 0, 0, None, value, headers), max_bytes=MOST)
    except PoisonRecord as exc:
        assert len(exc.detail) < 1000
    assert time.thread_time() - began < 5
