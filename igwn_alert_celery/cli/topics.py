# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert topics``: which topics the credential may see."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import click
from rich.table import Table

from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.questions import asking
from igwn_alert_celery.cli.screen import Screen, age
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.wanted import of_group

__all__ = ["topics"]

_EPILOG = examples(
    "igwn-alert topics",
    "igwn-alert -g gracedb-playground topics --long",
    "igwn-alert -A followup topics",
)


@dataclass(frozen=True, slots=True)
class _Topic:
    """One topic, without the group; ``records`` None where Kafka does not say."""

    name: str
    partitions: int
    records: int | None = None
    newest_ms: int | None = None


@click.command(short_help="List the topics of the group.", epilog=_EPILOG)
@click.option(
    "--long", "detailed", cls=Option, is_flag=True, help="Show partitions, records and the newest."
)
@click.pass_obj
def topics(target: Target, detailed: bool) -> None:
    """List the topics of the group that your credential may see."""
    settings = target.settings
    listed = _ask(target, detailed)
    screen = Screen()
    # igwn-alert's own words: scripts skip this line.
    screen.say(f"Topics for group {settings.group} associated with the current credential:")
    if screen.is_live and detailed:
        screen.print(_table(listed))
        return
    for topic in listed:
        screen.say("\t".join(_cells(topic)) if detailed else topic.name)


def _ask(target: Target, detailed: bool) -> list[_Topic]:
    settings = target.settings
    with asking(target) as cluster:
        view = cluster.view()
        names = of_group(settings, view.topics)
        if not detailed:
            return [_Topic(settings.short_topic(name), view.topics[name]) for name in names]
        partitions = view.partitions(names)
        records: Counter[str] = Counter()
        for partition, (low, high) in cluster.watermarks(partitions).items():
            records[partition.topic] += high - low
        newest_ms = cluster.newest_ms(partitions)
    return [
        _Topic(settings.short_topic(n), view.topics[n], records.get(n), newest_ms.get(n))
        for n in names
    ]


def _cells(topic: _Topic) -> list[str]:
    records = "?" if topic.records is None else str(topic.records)
    return [topic.name, str(topic.partitions), records, age(topic.newest_ms)]


def _table(listed: list[_Topic]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("topic", style="bold")
    for name in ("partitions", "records", "newest"):
        table.add_column(name, justify="right")
    for topic in listed:
        table.add_row(*_cells(topic))
    return table
