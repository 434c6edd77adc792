# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert send``: files with alerts to topics, through a Celery app or directly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from igwn_alert_celery.cli.alert_files import AlertFile, read_alert, split_arguments
from igwn_alert_celery.cli.catch_up import progress_of
from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.options import Option, examples, topic_completion, wait_option
from igwn_alert_celery.cli.outgoing import Outcome, Outgoing, each_to_each
from igwn_alert_celery.cli.report import can_ask, note, problem
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.wanted import checked
from igwn_alert_celery.errors import PoisonRecord

__all__ = ["send"]

#: GraceDB's own group: what is sent there may move telescopes.
REAL_GROUP = "gracedb"
WAIT_S = 60
_EPILOG = examples(
    "igwn-alert -A followup send superevent alert.json",
    "igwn-alert -g gracedb-test send superevent cbc_gstlal first.json second.json",
    "igwn-alert -g gracedb-test send superevent --file alert.txt",
    "jq '.uid = \"S1\"' alert.json | igwn-alert -g gracedb-test send superevent -",
)
_HELP = """Send the alerts in these files to these topics, every file to every topic, file by file.

Arguments are topics up to the first that is - (standard input), contains / or ends in .json;
without such a one the last is the file. --file settles it. With -A a task of the app sends, and
what the app is set to counts; without -A this command sends by itself.

Nothing is sent before all files are read and found to be JSON.
"""
_ASK = "This is GraceDB's own group: others will act on it. Send?"


@click.command(short_help="Send alerts from files to topics.", help=_HELP, epilog=_EPILOG)
@click.argument(
    "arguments",
    metavar="TOPIC... ALERTFILE...",
    nargs=-1,
    required=True,
    shell_complete=topic_completion,
)
@click.option(
    "--file",
    "files",
    cls=Option,
    multiple=True,
    metavar="FILE",
    help="A file; the rest is topics.",
)
@click.option("--key", cls=Option, metavar="KEY", help="Kafka's key of each record.")
@click.option("--uid-key", cls=Option, is_flag=True, help="Let each alert's uid be its key.")
@click.option("--test", cls=Option, is_flag=True, help="Mark as hop's test: listeners skip it.")
@click.option("--keep-going", cls=Option, is_flag=True, help="Send the rest if some cannot be.")
@click.option("--yes", cls=Option, is_flag=True, help="Do not ask before the group gracedb.")
@wait_option(WAIT_S, "With -A: wait so many seconds for the result.")
@click.pass_obj
def send(
    target: Target,
    arguments: tuple[str, ...],
    files: tuple[str, ...],
    key: str | None,
    uid_key: bool,
    test: bool,
    keep_going: bool,
    yes: bool,
    wait_s: float,
) -> None:
    """See ``_HELP``."""
    if uid_key and key is not None:
        raise click.UsageError("--key and --uid-key: give one of them")
    topics, names = split_arguments(arguments, files)
    topics = checked(target.settings, topics, patterns=False)
    alerts = _read_all(names, keep_going=keep_going)
    outgoing = each_to_each(alerts, topics, uid_key or key, test=test)
    _announce(target, outgoing, yes=yes)
    code = _tell(target, _send(target, topics, outgoing, wait_s), len(outgoing))
    if len(alerts) < len(names):
        code = ExitCode.FAILED
    raise click.exceptions.Exit(code)


def _read_all(names: Sequence[str], *, keep_going: bool) -> list[AlertFile]:
    alerts = []
    for name in names:
        try:
            alerts.append(read_alert(name))
        except PoisonRecord as exc:
            problem(f"{name} is not sent: {exc.detail}")
    if not alerts or (len(alerts) < len(names) and not keep_going):
        problem("nothing was sent" + ("; --keep-going sends the others" if alerts else ""))
        raise click.exceptions.Exit(ExitCode.FAILED)
    return alerts


def _announce(target: Target, outgoing: Sequence[Outgoing], *, yes: bool) -> None:
    settings = target.settings
    names = dict.fromkeys(settings.full_topic(each.topic) for each in outgoing)
    topics, files = ", ".join(names), len(outgoing) // len(names)
    through = f", through a task of the app {target.app.main}" if target.app else ""
    test = " as a test" if outgoing[0].test else ""
    note(f"sending {files} {_plural('alert', files)}{test} to {topics} at {target.place}{through}")
    is_real = settings.group == REAL_GROUP and not outgoing[0].test
    if is_real and not yes and can_ask() and not click.confirm(_ASK, err=True):
        problem("nothing was sent")
        raise click.exceptions.Exit(ExitCode.FAILED)


def _send(
    target: Target, topics: Sequence[str], outgoing: Sequence[Outgoing], wait_s: float
) -> Iterable[Outcome]:
    if target.bridge is not None:
        from igwn_alert_celery.cli.through_app import send_through_app

        return send_through_app(target.bridge, outgoing, wait_s)
    from igwn_alert_celery.cli.direct import check_topics, send_directly

    check_topics(target, topics)
    return send_directly(target, outgoing)


def _tell(target: Target, outcomes: Iterable[Outcome], total: int) -> ExitCode:
    """Say what became of each; return the exit code."""
    screen, code = Screen(), ExitCode.DONE
    with progress_of("sending", total if total > 1 else 0, screen) as advance:
        for outcome in outcomes:
            advance(1)
            name, topic = outcome.outgoing.file.name, outcome.outgoing.topic
            topic = target.settings.full_topic(topic)
            if outcome.error:
                problem(f"{name} to {topic}: {outcome.error}")
                code = max(code, ExitCode.FAILED if outcome.is_known else ExitCode.UNKNOWN)
            else:
                screen.say(f"{name} → {topic}: {outcome.place}")
    return code


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
