# SPDX-License-Identifier: BSD-3-Clause
"""Records whose headers have any bytes for names: Kafka's protocol allows it, Python's client not.

librdkafka itself does; it is called here below confluent_kafka.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable

from confluent_kafka import cimpl

__all__ = ["send_with_headers"]

# rd_kafka_vtype_t of librdkafka's rdkafka.h, and its flag to copy the value.
_END, _TOPIC, _VALUE, _FLAGS, _HEADERS, _COPY = (ctypes.c_int(n) for n in (0, 1, 4, 7, 10, 2))
_PRODUCER = 0
_TIMEOUT_MS = 60_000


def send_with_headers(
    bootstrap: str, topic: str, value: bytes, headers: Iterable[tuple[bytes, bytes]]
) -> None:
    """Send one record and wait until Kafka has it."""
    lib = _library()
    error = ctypes.create_string_buffer(512)
    conf = ctypes.c_void_p(lib.rd_kafka_conf_new())
    lib.rd_kafka_conf_set(conf, b"bootstrap.servers", bootstrap.encode(), error, len(error))
    producer = ctypes.c_void_p(lib.rd_kafka_new(_PRODUCER, conf, error, len(error)))
    assert producer.value, error.value
    found = ctypes.c_void_p(lib.rd_kafka_headers_new(ctypes.c_size_t(1)))
    for name, content in headers:
        name_size, size = ctypes.c_ssize_t(len(name)), ctypes.c_ssize_t(len(content))
        assert lib.rd_kafka_header_add(found, name, name_size, content, size) == 0
    # Freed by librdkafka with the record.
    refused = lib.rd_kafka_producev(
        producer, _TOPIC, topic.encode(), _FLAGS, _COPY,
        _VALUE, value, ctypes.c_size_t(len(value)), _HEADERS, found, _END,
    )  # fmt: skip
    assert refused == 0
    assert lib.rd_kafka_flush(producer, _TIMEOUT_MS) == 0
    lib.rd_kafka_destroy(producer)


def _library() -> ctypes.CDLL:
    # Whatever librdkafka the client's extension was linked with.
    lib = ctypes.CDLL(cimpl.__file__)
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    return lib
