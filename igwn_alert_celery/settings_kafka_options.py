# SPDX-License-Identifier: BSD-3-Clause
"""Which options of librdkafka are not the user's to set, because a guarantee hangs on them."""

from __future__ import annotations

__all__ = ["reason_against"]

_OWNED = {
    "bootstrap.servers": "set igwn_alert_server instead",
    "metadata.broker.list": "set igwn_alert_server instead",
    "group.id": "set igwn_alert_consumer_group instead",
    "group.instance.id": "workers share one configuration, and two members with one id throw each "
    "other out",
    "enable.auto.commit": "the bridge commits itself, once the tasks are enqueued; else a crash "
    "would lose alerts",
    "auto.commit.enable": "the bridge commits itself, once the tasks are enqueued; else a crash "
    "would lose alerts",
    "enable.auto.offset.store": "the bridge stores positions itself, once the tasks are enqueued",
    "auto.offset.reset": "set igwn_alert_start_at instead",
    "message.timeout.ms": "set igwn_alert_publish_timeout_s instead",
    "delivery.timeout.ms": "set igwn_alert_publish_timeout_s instead",
    "partition.assignment.strategy": "the bridge needs cooperative-sticky, so that partitions "
    "move without a stop",
}
# What may be said, but not otherwise: values, and the reason.
_FIXED: dict[str, tuple[tuple[object, ...], str]] = {
    "group.protocol": (
        ("classic",),
        (
            "group.protocol must stay 'classic': with any other Kafka refuses the session settings "
            "by which another worker takes over within 10 s, and that promise cannot be kept"
        ),
    ),
    "enable.idempotence": (
        (True, "true"),
        "enable.idempotence must stay true: else a send that Kafka answers late is sent twice",
    ),
    **dict.fromkeys(
        ("acks", "request.required.acks"),
        (
            ("all", "-1", -1),
            "acks must stay 'all': a send has succeeded when every replica of Kafka has it",
        ),
    ),
}


def reason_against(key: str, option: object) -> str | None:
    """Return why an option, or this value of it, is refused; None where it is the user's."""
    if key in _OWNED:
        return f"{key} is not yours to set: {_OWNED[key]}"
    values, reason = _FIXED.get(key, ((option,), ""))
    return None if option in values else reason
