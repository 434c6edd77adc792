# SPDX-License-Identifier: BSD-3-Clause
"""Run `igwn-alert -A check` as a monitor does."""

from __future__ import annotations

from typing import Any

__all__ = ["APP", "check"]

APP = ("-A", "tests.integration.followup")


def check(command: Any, *options: str) -> tuple[int, str, str]:
    """Return the exit code, the text and the figures of the one line."""
    # A busy machine gets its answer as well; a later option counts.
    done = command.run(*APP, "check", "--timeout", "60", *options)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    text, _, figures = done.stdout.rstrip("\n").partition(" | ")
    return done.returncode, text, figures
