# SPDX-License-Identifier: BSD-3-Clause
"""``python -m igwn_alert_celery.playground``: see it work, without a server and an account."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from pathlib import Path

from igwn_alert_celery.errors import IGWNAlertError
from igwn_alert_celery.playground.alerts import DETECTION, EXAMPLES, detection, example
from igwn_alert_celery.playground.ending import noting_signals
from igwn_alert_celery.playground.errors import Ended

__all__ = ["main"]

_EPILOG = """\
examples:
  python -m igwn_alert_celery.playground --demo
  python -m igwn_alert_celery.playground --handlers my_handlers.py
  python -m igwn_alert_celery.playground send --example new
  python -m igwn_alert_celery.playground send superevent alert.json
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code.

    0 done, 1 failed, 2 wrong usage, 128 + n ended by signal n.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command == "send" and bool(given.example) == bool(given.file):
        parser.error("say what to send: TOPIC FILE, or --example TYPE")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that has no arrows is no reason to fail.
        sys.stdout.reconfigure(errors="replace")
    try:
        return _send(given) if given.command == "send" else _play(given)
    except IGWNAlertError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except Ended as exc:
        return 128 + exc.signum
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # What is left in the buffer shall go nowhere, without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _play(given: argparse.Namespace) -> int:
    try:
        from igwn_alert_celery.playground.play import Play
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "rich":
            raise
        sys.stderr.write("the playground needs rich: pip install 'igwn-alert-celery[playground]'\n")
        return 1
    with noting_signals() as ending:
        play = Play(ending, given.handlers)
        if given.demo:
            play.demo()
        else:
            play.keep_open()
    return 0


def _send(given: argparse.Namespace) -> int:
    from igwn_alert_celery.playground.send import read_alert, send

    if given.example == DETECTION:
        alerts = list(detection())
    elif given.example:
        alerts = [example(given.example)]
    else:
        alerts = [(given.topic, read_alert(given.file))]
    for line in send(alerts, given.server):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m igwn_alert_celery.playground",
        description="An embedded Kafka, a task broker without a server and a real Celery worker.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=None)
    parser.add_argument("--demo", action="store_true", help="play one detection, then end")
    parser.add_argument(
        "--handlers", type=Path, metavar="FILE", help="your own handlers, a Python file"
    )
    commands = parser.add_subparsers(metavar="send")
    send = commands.add_parser("send", help="send an alert to a playground that is open")
    send.set_defaults(command="send")
    send.add_argument("topic", nargs="?", help="superevent, cbc_gstlal, …")
    send.add_argument("file", nargs="?", help="a JSON file, or - for standard input")
    choices = (*EXAMPLES, DETECTION)
    send.add_argument("--example", choices=choices, help="an invented alert, or all of a detection")
    send.add_argument("--server", metavar="HOST:PORT", help="default: the playground of this user")
    return parser


if __name__ == "__main__":
    sys.exit(main())
