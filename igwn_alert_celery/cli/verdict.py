# SPDX-License-Identifier: BSD-3-Clause
"""How an app is, judged from what its workers say: Nagios' four words, and figures behind a bar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from igwn_alert_celery.cli.report import one_line
from igwn_alert_celery.cli.screen import since

__all__ = ["Level", "Limits", "Verdict", "judge", "lag_of"]

Statuses = Mapping[str, Mapping[str, Any]]

# A receiver in these states polls Kafka, or tries to.
_POLLING = ("running", "kafka_away", "task_broker_away")
_ON_ITS_WAY = ("starting", "kafka_away", "task_broker_away")


class Level(IntEnum):
    """Exit codes of Nagios plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


#: From the least to the worst, as the monitoring plugins' own ``max_state`` has it.
_ORDER = (Level.OK, Level.UNKNOWN, Level.WARNING, Level.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on something is wrong; 0 or None: never.

    Attributes
    ----------
    stuck_s : float
        Since Kafka was last asked.
    away_s : float
        Since the receiver ran, while Kafka or the task broker is away or it starts.
    warn_dead_letters, critical_dead_letters : int
    warn_lag : int or None
        Records that wait on Kafka, of all partitions that the workers have.
    """

    stuck_s: float
    away_s: float
    warn_dead_letters: int
    critical_dead_letters: int
    warn_lag: int | None


@dataclass(slots=True)
class Verdict:
    """The worst that was found, each with its text, and the figures."""

    found: list[tuple[Level, str]] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)

    @property
    def level(self) -> Level:
        """The worst."""
        return max((level for level, _ in self.found), key=_ORDER.index, default=Level.OK)

    @property
    def line(self) -> str:
        """The one line of a plugin: what is worst comes first."""
        ranked = sorted(self.found, key=lambda one: -_ORDER.index(one[0]))
        # A bar begins the figures.
        text = one_line("; ".join(text for _, text in ranked)).replace("|", "/")
        figures = f" | {' '.join(self.figures)}" if self.figures else ""
        return f"{self.level.name} - {text}{figures}"


def judge(
    workers: Statuses, dead_letters: int | str, limits: Limits, app_name: str | None
) -> Verdict:
    """Return what is to be said.

    Parameters
    ----------
    workers : mapping
        By worker, what :meth:`IGWNAlert.status` says there.
    dead_letters : int or str
        How many there are, or why nobody knows.
    limits : Limits
    app_name : str or None
    """
    wrong = [*_of_receivers(workers, limits, app_name), *_of_topics(workers)]
    wrong += [*_of_letters(dead_letters, limits), *_of_lag(workers, limits)]
    found = wrong or [(Level.OK, _summary(workers))]
    return Verdict(found, [*_figures(workers, dead_letters, limits)])


def lag_of(workers: Statuses) -> int:
    """Return how many records wait, of the partitions where that is known."""
    lags = (part.get("lag") for said in workers.values() for part in _partitions(said).values())
    return sum(lag for lag in lags if lag is not None)


def _of_receivers(
    workers: Statuses, limits: Limits, app_name: str | None
) -> Iterator[tuple[Level, str]]:
    if not workers:
        yield Level.CRITICAL, f"no worker of the app {app_name!r} answers"
        return
    ill = {name: one for name, said in workers.items() if (one := _illness(said, limits))}
    runs = _running(workers, limits)
    # Where another one runs, it has taken the partitions over.
    otherwise = Level.WARNING if runs else Level.CRITICAL
    for name, (level, text) in ill.items():
        yield otherwise if level is None else level, f"{name}: {text}"
    if not runs and not ill:
        yield Level.CRITICAL, f"no receiver runs: disabled in {_workers(len(workers))}"


def _illness(said: Mapping[str, Any], limits: Limits) -> tuple[Level | None, str] | None:
    """Return what is wrong with one receiver, with None where the others decide how bad it is."""
    state, detail = str(said.get("state")), said.get("detail")
    more = f": {detail}" if detail else ""
    polled_s, down_s = said.get("last_poll_age_s"), said.get("not_running_s") or 0.0
    if state == "stuck":
        return Level.CRITICAL, f"stuck for {said.get('stuck_s') or 0:.0f} s{more}"
    if state in _POLLING and polled_s is not None and limits.stuck_s and polled_s > limits.stuck_s:
        return Level.CRITICAL, f"stuck: Kafka was last asked {since(polled_s)}{more}"
    if state in {"running", "disabled"}:
        return None
    if state in _ON_ITS_WAY:
        is_long = limits.away_s and down_s > limits.away_s
        return Level.CRITICAL if is_long else Level.WARNING, f"{state} for {down_s:.0f} s{more}"
    return None, f"{state}{more}"


def _of_topics(workers: Statuses) -> Iterator[tuple[Level, str]]:
    for label, key in (("missing", "missing_topics"), ("forbidden", "forbidden_topics")):
        names = sorted({name for said in workers.values() for name in said.get(key, ())})
        if names:
            yield Level.WARNING, f"{label} topics: {', '.join(names)}"


def _of_letters(dead_letters: int | str, limits: Limits) -> Iterator[tuple[Level, str]]:
    if isinstance(dead_letters, str):
        yield Level.UNKNOWN, f"dead letters cannot be counted: {dead_letters}"
        return
    text = f"{dead_letters} dead letter{'s' * (dead_letters != 1)}"
    if limits.critical_dead_letters and dead_letters >= limits.critical_dead_letters:
        yield Level.CRITICAL, text
    elif limits.warn_dead_letters and dead_letters >= limits.warn_dead_letters:
        yield Level.WARNING, text


def _of_lag(workers: Statuses, limits: Limits) -> Iterator[tuple[Level, str]]:
    lag = lag_of(workers)
    if limits.warn_lag is not None and lag > limits.warn_lag:
        yield Level.WARNING, f"{lag} records wait on Kafka"


def _summary(workers: Statuses) -> str:
    listening = [said for said in workers.values() if said.get("state") != "disabled"]
    partitions = sum(len(_partitions(said)) for said in listening)
    last_s = _last_alert_s(workers)
    last = "no alert yet" if last_s is None else f"last alert {since(last_s)}"
    return (
        f"{_workers(len(listening))} of {len(workers)} listen"
        f"{'s' * (len(listening) == 1)}, {partitions} partitions, lag {lag_of(workers)}, {last}"
    )


def _figures(workers: Statuses, dead_letters: int | str, limits: Limits) -> Iterator[str]:
    yield f"workers={len(workers)};;;0"
    yield f"receivers={len(_running(workers, limits))};;;0"
    warn = "" if limits.warn_lag is None else limits.warn_lag
    yield f"lag={lag_of(workers)};{warn};;0"
    if isinstance(dead_letters, int):
        # A plugin's threshold is the last value that is still well.
        bounds = (limits.warn_dead_letters, limits.critical_dead_letters)
        warn_text, critical_text = (str(bound - 1) if bound else "" for bound in bounds)
        yield f"dead_letters={dead_letters};{warn_text};{critical_text};0"
    last_s = _last_alert_s(workers)
    if last_s is not None:
        yield f"last_alert_age={last_s:.0f}s;;;0"


def _running(workers: Statuses, limits: Limits) -> list[str]:
    return [
        name
        for name, said in workers.items()
        if said.get("state") == "running" and _illness(said, limits) is None
    ]


def _partitions(said: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = said.get("partitions") or {}
    return found


def _last_alert_s(workers: Statuses) -> float | None:
    ages = [said.get("last_alert_age_s") for said in workers.values()]
    return min((age for age in ages if age is not None), default=None)


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count != 1)}"
