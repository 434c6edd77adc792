# SPDX-License-Identifier: BSD-3-Clause
"""Which topics are meant: names and patterns without the group, or all of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import click

from igwn_alert_celery.errors import HandlerError
from igwn_alert_celery.handlers import check_prefix, check_topic, is_pattern, topic_regex
from igwn_alert_celery.settings import Settings

__all__ = ["checked", "found", "missing_text", "of_group"]


def checked(settings: Settings, topics: Sequence[str], *, patterns: bool = True) -> tuple[str, ...]:
    """Return the topics as they were given; refuse what cannot be one.

    Raises
    ------
    click.UsageError
        With the correction.
    """
    try:
        given = [topic for topic in topics if is_pattern(check_topic(topic))]
        check_prefix(settings.group, topics)
    except HandlerError as exc:
        raise click.UsageError(str(exc)) from None
    if given and not patterns:
        raise click.UsageError(f"topic {given[0]!r} is a pattern: give one topic")
    return tuple(dict.fromkeys(topics))


def of_group(settings: Settings, existing: Iterable[str]) -> list[str]:
    """Return the full names that belong to the group, and to it alone, sorted."""
    return sorted(topic for topic in existing if topic.startswith(settings.topic_prefix))


def found(settings: Settings, topics: Sequence[str], existing: Iterable[str]) -> list[str]:
    """Return full names: of the topics, of what the patterns find, or of the whole group."""
    mine = of_group(settings, existing)
    if not topics:
        return mine
    names = dict.fromkeys(settings.full_topic(topic) for topic in topics if not is_pattern(topic))
    for topic in filter(is_pattern, topics):
        regex = topic_regex(settings.full_topic(topic))
        names.update(dict.fromkeys(name for name in mine if regex.fullmatch(name)))
    return list(names)


def missing_text(settings: Settings, full_name: str, existing: Iterable[str]) -> str:
    """Return what to say of a topic that is not there."""
    every = list(existing)
    near = difflib.get_close_matches(full_name, of_group(settings, every) or every, n=3)
    hint = f" The nearest are {', '.join(near)}." if near else ""
    return f"there is no topic {full_name}, or your credential may not read it.{hint}"
