# SPDX-License-Identifier: BSD-3-Clause
"""How a worker's status is shown: for the eye on a terminal, else the same as plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from igwn_alert_celery.cli.kept import Kept
from igwn_alert_celery.cli.report import one_line
from igwn_alert_celery.cli.screen import Screen, since

__all__ = ["lines_of", "show_letters", "show_worker", "size"]

Status = Mapping[str, Any]

_STYLES = {"running": "green", "disabled": "dim", "starting": "yellow"}
_BAD = "bold red"
_WIDTH = 14


def show_worker(screen: Screen, name: str, status: Status) -> None:
    """Show one worker."""
    state = str(status.get("state", "unknown"))
    shown = (one_line(state), _STYLES.get(state, _BAD))
    head = Text.assemble((one_line(name), "bold"), "  ", shown, _more(status))
    screen.print(head, soft_wrap=True)
    for label, text in lines_of(status):
        screen.print(Text(f"  {label:{_WIDTH}}  {one_line(text)}"), soft_wrap=True)


def show_letters(screen: Screen, kept: Kept) -> None:
    """Show how many dead letters there are."""
    where = "" if kept.is_shared else f", of this machine alone, in {kept.place}"
    text = f"dead letters: {kept.count} ({size(kept.bytes)}){where}"
    screen.print(Text(text, "yellow" if kept.count else ""), soft_wrap=True)


def lines_of(status: Status) -> Iterator[tuple[str, str]]:
    """Yield label and text of what there is to say."""
    yield from _connection(status)
    for label, key in (
        ("topics", "topics"),
        ("missing", "missing_topics"),
        ("forbidden", "forbidden_topics"),
        ("taken out", "unsubscribed_topics"),
    ):
        if names := status.get(key):
            yield label, ", ".join(names)
    for name, partition in sorted(status.get("partitions", {}).items()):
        lag = "unknown" if partition.get("lag") is None else partition["lag"]
        yield "partition", f"{name}  next offset {partition.get('next_offset')}  lag {lag}"
    yield from _happened(status)
    for warning in status.get("warnings", ()):
        yield "warning", str(warning)


def _connection(status: Status) -> Iterator[tuple[str, str]]:
    if server := status.get("server"):
        username = status.get("username")
        yield "server", f"{server} {f'as {username}' if username else 'without a credential'}"
    for label, key in (("consumer group", "consumer_group"), ("enqueued", "guarantee")):
        if value := status.get(key):
            yield label, str(value)


def _happened(status: Status) -> Iterator[tuple[str, str]]:
    counted = [f"{name} {n}" for name, n in sorted(status.get("counters", {}).items()) if n]
    if counted:
        yield "counters", ", ".join(counted)
    if status.get("state") != "disabled":
        for label, key in (("last alert", "last_alert_age_s"), ("last poll", "last_poll_age_s")):
            seconds = status.get(key)
            yield label, "never" if seconds is None else since(seconds)


def _more(status: Status) -> str:
    """Return what stands behind the state: since when, and what is wrong."""
    seconds = status.get("stuck_s") or status.get("not_running_s")
    detail = one_line(str(status.get("detail") or ""))
    is_quiet = seconds is None or status.get("state") in {"running", "disabled"}
    return ("" if is_quiet else f" for {seconds:.0f} s") + (f": {detail}" if detail else "")


def size(count: int) -> str:
    """Return a number of bytes in words."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:.1f} {unit}"
    return f"{count} bytes"
