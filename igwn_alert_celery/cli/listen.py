# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert listen``: print alerts as they come, and those that came before."""

from __future__ import annotations

import click

from igwn_alert_celery.cli.ending import ending_on_signals
from igwn_alert_celery.cli.moment import read_moment
from igwn_alert_celery.cli.options import Option, examples, topic_completion
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.view import choose_view
from igwn_alert_celery.cli.wanted import checked
from igwn_alert_celery.cli.window import Window

__all__ = ["listen"]

_EPILOG = examples(
    "igwn-alert listen superevent mdc_superevent",
    "igwn-alert listen 'cbc_*' --since 2h",
    "igwn-alert listen --since 10m --json | head -1",
    "igwn-alert -c jdoe-night listen superevent",
    "igwn-alert listen --from-beginning --until 1d --json > archive.jsonl",
)
_HELP = """Print alerts of these topics, or of all topics of the group; ctrl-C ends it.

It sees every alert, whoever else listens, and commits nothing. Only with -c it joins that consumer
group of Kafka, shares the partitions with its other members, and goes on where the group stopped.

TOPICS are written without the group; * and ? make a pattern. TIME is a time ago (90s, 10m, 2h, 3d),
an ISO time (UTC where it has no zone), seconds since 1970, or with a plus from now (+10m).
"""


@click.command(short_help="Print alerts, as they come or from before.", help=_HELP, epilog=_EPILOG)
@click.argument("topics", nargs=-1, shell_complete=topic_completion)
@click.option("--since", cls=Option, callback=read_moment, metavar="TIME", help="Begin then.")
@click.option("--until", cls=Option, callback=read_moment, metavar="TIME", help="End then.")
@click.option("--from-beginning", cls=Option, is_flag=True, help="Begin with all that Kafka has.")
@click.option(
    "--count", cls=Option, type=click.IntRange(min=1), metavar="N", help="End after N alerts."
)
@click.option("--json", "as_json", cls=Option, is_flag=True, help="One line of JSON an alert.")
@click.option("--record", cls=Option, is_flag=True, help='The same, as {"record": …, "alert": …}.')
@click.option("--test", cls=Option, is_flag=True, help="Show hop's test records as well.")
@click.pass_obj
def listen(
    target: Target,
    topics: tuple[str, ...],
    since: int | None,
    until: int | None,
    from_beginning: bool,
    count: int | None,
    as_json: bool,
    record: bool,
    test: bool,
) -> None:
    """See ``_HELP``."""
    from igwn_alert_celery.cli.following import Following

    if target.flags.consumer_group == "":
        raise click.UsageError("-c: the consumer group has no name: name it, or leave -c out")
    window = Window.of(since, until, count, from_beginning=from_beginning)
    if target.flags.consumer_group is not None and window.looks_back:
        raise click.UsageError("with -c the consumer group keeps the position: leave one out")
    if target.flags.pretty and (as_json or record):
        raise click.UsageError("-j and --json: give one of them")
    wanted = checked(target.settings, topics)
    screen = Screen()
    view = choose_view(screen, pretty=target.flags.pretty, as_json=as_json, with_record=record)
    with ending_on_signals() as ending:
        Following(target, wanted, window, view, screen, with_tests=test).run(ending)
