# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert unsubscribe``: take topics out of a running app."""

from __future__ import annotations

import click

from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.options import examples, topic_completion, wait_option
from igwn_alert_celery.cli.remote import Answers, take_out, wait_until_out
from igwn_alert_celery.cli.report import note, problem
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.wanted import checked

__all__ = ["unsubscribe"]

WAIT_S = 30
_EPILOG = examples(
    "igwn-alert -A followup unsubscribe mdc_superevent",
    "igwn-alert -A followup unsubscribe 'cbc_*'",
)
_HELP = """Take topics out of all running workers of a Celery app, until they are started again.

Each worker finishes what it has and lets the topics go; their position stays, and a worker that is
started again goes on there. To stop taking a topic for good, remove it from the app. Without -A
there is nothing to do: igwn-alert's own subscriptions are no more.
"""
_DEPRECATED = (
    "this feature is deprecated: without a Celery app nothing is subscribed to. -A APP takes "
    "topics out of a running app"
)


@click.command(short_help="Take topics out of a running app.", help=_HELP, epilog=_EPILOG)
@click.argument("topics", nargs=-1, shell_complete=topic_completion)
@wait_option(WAIT_S, "Wait so many seconds until it is done.")
@click.pass_obj
def unsubscribe(target: Target, topics: tuple[str, ...], wait_s: float) -> None:
    """See ``_HELP``."""
    if target.bridge is None:
        raise click.UsageError(_DEPRECATED)
    if not topics:
        raise click.UsageError("name the topics that the app is not to take any more")
    wanted = checked(target.settings, topics)
    answers = take_out(target.bridge, wanted)
    if not answers:
        problem("no worker has answered: none runs, or worker_enable_remote_control is off")
        raise click.exceptions.Exit(ExitCode.FAILED)
    asked = [name for name, answer in answers.items() if "error" not in answer]
    done = wait_until_out(target.bridge, asked, wanted, wait_s) if asked else {}
    raise click.exceptions.Exit(_tell(answers, done, wanted))


def _tell(answers: Answers, done: Answers, topics: tuple[str, ...]) -> ExitCode:
    screen, code = Screen(), ExitCode.DONE
    for name, answer in sorted(answers.items()):
        if name in done:
            left = ", ".join(done[name]["topics"]) or "none"
            screen.say(f"{name}: {', '.join(topics)} taken out; it takes {left}")
        elif "error" in answer:
            problem(f"{name}: {answer['error']}")
            code = ExitCode.FAILED
        else:
            problem(f"{name}: not done yet; `igwn-alert -A … subscriptions` shows it")
            code = ExitCode.UNKNOWN
    if done:
        note("This holds until the workers are started again.")
    return code
