# SPDX-License-Identifier: BSD-3-Clause
"""librdkafka's lines come once a minute, whatever numbers stand in them."""

from igwn_alert_celery.kafka.client_log import librdkafka_logger


def test_lines_that_differ_in_numbers_alone_come_once(caplog):
    logger = librdkafka_logger()
    assert librdkafka_logger() is logger
    assert len(logger.filters) == 1
    for number in range(100):
        logger.error("127.0.0.1:%d: Connect failed (after %dms)", number, number)
    logger.error("another line")
    assert [record.getMessage() for record in caplog.records] == [
        "127.0.0.1:0: Connect failed (after 0ms)",
        "another line",
    ]
