# SPDX-License-Identifier: BSD-3-Clause
"""How a command ends: the exit codes, and which error is which."""

from __future__ import annotations

from enum import IntEnum

import click

from igwn_alert_celery.errors import ConfigError, RetryableError

__all__ = ["ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """Exit codes; docs/command-line.md explains each."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    AWAY = 4
    UNKNOWN = 5
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


def exit_code_of(exc: BaseException) -> ExitCode:
    """Return the exit code for an error that ends a command."""
    if isinstance(exc, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(exc, BrokenPipeError):
        return ExitCode.PIPE_CLOSED
    if isinstance(exc, click.UsageError):
        return ExitCode.USAGE
    if isinstance(exc, ConfigError):
        return ExitCode.CONFIG
    if isinstance(exc, RetryableError):
        return ExitCode.AWAY
    return ExitCode.FAILED
