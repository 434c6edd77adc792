# SPDX-License-Identifier: BSD-3-Clause
"""GraceDB's topics, as the playground has them."""

from __future__ import annotations

import difflib

from igwn_alert_celery.handlers import is_pattern, topic_regex
from igwn_alert_celery.playground.errors import PlaygroundError

__all__ = ["TOPICS", "TOPIC_PREFIX", "check_topic"]

#: igwn-alert's group, as Kafka's topics begin.
TOPIC_PREFIX = "playground."
# An event's topic is its group and pipeline; GraceDB has more, with the search at the end.
TOPICS = (
    "superevent",
    "mdc_superevent",
    "test_superevent",
    *(f"cbc_{name}" for name in ("aframe", "gstlal", "mbta", "pycbc", "sgnl", "spiir")),
    *(f"burst_{name}" for name in ("cwb", "mly")),
    *(f"external_{name}" for name in ("chime", "fermi", "icecube", "snews", "svom", "swift")),
)


def check_topic(topic: str) -> None:
    """Refuse a topic or pattern that the playground never has.

    Raises
    ------
    PlaygroundError
        With the nearest names.
    """
    if is_pattern(topic):
        regex = topic_regex(topic)
        if not any(regex.fullmatch(name) for name in TOPICS):
            raise PlaygroundError(f"no topic here matches {topic!r}: {_all()}")
    elif topic not in TOPICS:
        bare = topic.removeprefix(TOPIC_PREFIX)
        near = [bare] if bare in TOPICS else difflib.get_close_matches(bare, TOPICS, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else _all()
        raise PlaygroundError(f"there is no topic {topic!r} here: {hint}")


def _all() -> str:
    return f"the topics are {', '.join(TOPICS)}"
