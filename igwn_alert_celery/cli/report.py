# SPDX-License-Identifier: BSD-3-Clause
"""What a command says beside its output: one line on stderr, and an exit code at the end."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from igwn_alert_celery.cli.exit_code import ExitCode, exit_code_of
from igwn_alert_celery.errors import IGWNAlertError

__all__ = ["can_ask", "note", "one_line", "problem", "reporting", "set_up_log"]

logger = logging.getLogger(__name__)

# Since click 8.2 what asks for help in place of a sub-command is an error of its own.
_HELP_WANTED: Any = getattr(click.exceptions, "NoArgsIsHelpError", click.exceptions.Exit)


def can_ask() -> bool:
    """Whether somebody sits there who can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def note(text: str) -> None:
    """Say one line on stderr."""
    click.echo(one_line(text), err=True)


def problem(text: str) -> None:
    """Say what is wrong, in one line on stderr."""
    note(f"igwn-alert: {text}")


def one_line(text: str) -> str:
    """Return a text as one line without control characters: it may quote what came from Kafka."""
    joined = " ".join(text.split())
    return "".join(char if char.isprintable() else "�" for char in joined)


def set_up_log(level: str) -> None:
    """Log to stderr from this level on."""
    logging.basicConfig(format="%(levelname)s:%(name)s:%(message)s")
    logging.getLogger().setLevel(level.upper())
    if level.upper() not in {"INFO", "DEBUG"}:
        # What they have to say is in our own line.
        for name in ("kafka.librdkafka", "enqueue.publish"):
            logging.getLogger(f"igwn_alert_celery.{name}").setLevel(logging.CRITICAL + 1)
    # adc logs a producer's whole configuration, password included, at DEBUG.
    logging.getLogger("adc").setLevel(max(logging.INFO, logging.getLogger().level))


@contextmanager
def reporting() -> Iterator[None]:
    """Turn whatever ends a command into one line and an exit code.

    Raises
    ------
    click.exceptions.Exit
        With the exit code.
    """
    try:
        yield
        # Here, because the interpreter's own flush at the end would complain of a closed pipe.
        if sys.stdout is not None:
            sys.stdout.flush()
    except (_HELP_WANTED, click.exceptions.Exit):
        raise
    except click.Abort:
        # So click tells ctrl-C, and the end of the input, where it asks.
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None
    except click.ClickException as exc:
        path = exc.ctx.command_path if isinstance(exc, click.UsageError) and exc.ctx else ""
        problem(exc.format_message() + (f" (see `{path} --help`)" if path else ""))
        raise click.exceptions.Exit(exit_code_of(exc)) from None
    except BrokenPipeError as exc:
        _let_go_of_stdout()
        raise click.exceptions.Exit(exit_code_of(exc)) from None
    except KeyboardInterrupt as exc:
        raise click.exceptions.Exit(exit_code_of(exc)) from None
    except IGWNAlertError as exc:
        problem(str(exc))
        logger.debug("where it came from", exc_info=True)
        raise click.exceptions.Exit(exit_code_of(exc)) from None
    except Exception as exc:
        # Border: a user of a command is told in one line, whatever happens.
        problem(f"unexpected {type(exc).__name__}: {exc} (-l debug shows where)")
        logger.debug("where it came from", exc_info=True)
        raise click.exceptions.Exit(ExitCode.FAILED) from None


def _let_go_of_stdout() -> None:
    # What is left in the buffer shall go nowhere, without a word.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
