# SPDX-License-Identifier: BSD-3-Clause
"""From what was sent, and what workers and the task broker say, to the figures of one run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.diary import Note
from tests.faults.sender import PARTITIONS
from tests.faults.story import Story

__all__ = ["Handling", "Tally", "tally"]

# More than one copy of a thing.
_TWICE = 2


@dataclass(frozen=True, slots=True)
class Tally:
    """
    The figures of one run; times in seconds.

    Attributes
    ----------
    sent : int
        Alerts that Kafka has taken.
    missing : list of int
        Alerts whose handler never came to its end.
    gone : int
        Of those, the ones that lay in a Redis that was emptied: section 3 gives them up.
    enqueued_twice : list of int
        Alerts with more than one message in the queue that nobody consumes, or whose handler got
        two messages of which neither was marked as coming again: on Redis with different delivery
        tags; RabbitMQ marks each message that it delivers a second time.
    disordered : list of int
        Alerts that were enqueued after a later one of their partition.
    ran_twice, ran_twice_unexcused : list of int
        Alerts whose handler started more than once; those where the design does not allow it.
    longest_s : float
        From Kafka's taking an alert to the first end of its handler, the worst.
    takeover_s : float or None
        Longest wait for enqueueing, after a receiver was lost.
    redelivery_s : float or None
        Longest wait for the end of a handler, after a worker was lost.
    resume_s : float or None
        From a server's return to the first enqueueing and the first handling in each worker.
    """

    sent: int
    missing: list[int] = field(default_factory=list)
    gone: int = 0
    enqueued_twice: list[int] = field(default_factory=list)
    disordered: list[int] = field(default_factory=list)
    ran_twice: list[int] = field(default_factory=list)
    ran_twice_unexcused: list[int] = field(default_factory=list)
    longest_s: float = 0.0
    takeover_s: float | None = None
    redelivery_s: float | None = None
    resume_s: float | None = None


@dataclass(frozen=True, slots=True)
class Handling:
    """One start of a handler, and its end if it came to one."""

    start: Note
    end: float | None


def tally(
    accepted: Mapping[int, float],
    notes: Iterable[Note],
    story: Story,
    counted: Sequence[int] = (),
) -> Tally:
    """
    Count.

    Parameters
    ----------
    accepted : mapping
        When Kafka had taken each alert, by number.
    notes : iterable of Note
        The diary.
    story : Story
        What was done.
    counted : sequence of int
        The alert of each message in the queue that nobody consumes, the oldest first.
    """
    noted = [note for note in notes if note.number in accepted]
    runs = _handlings(noted)
    enqueued = _first(note for note in noted if note.kind == "enqueued")
    ended = {n: min(ends) for n, held in runs.items() if (ends := [h.end for h in held if h.end])}
    unhandled = [number for number in accepted if number not in ended]
    gone = [n for n in unhandled if story.emptied and accepted[n] <= story.emptied]
    twice = [number for number, held in runs.items() if len(held) >= _TWICE]
    received = {n: min(enqueued.get(n, at), at) for n, at in ended.items()}
    return Tally(
        sent=len(accepted),
        missing=sorted(set(unhandled) - set(gone)),
        gone=len(gone),
        enqueued_twice=sorted((_copies(runs) | _more_than_one(counted)) & accepted.keys()),
        disordered=_disordered([number for number in counted if number in accepted]),
        ran_twice=sorted(twice),
        ran_twice_unexcused=sorted(n for n in twice if not _excused(runs[n], story)),
        longest_s=max((ended[n] - at for n, at in accepted.items() if n in ended), default=0.0),
        takeover_s=_wait(accepted, received, story.killed),
        redelivery_s=_wait(accepted, ended, story.killed),
        resume_s=_resume(noted, story),
    )


def _handlings(notes: list[Note]) -> dict[int, list[Handling]]:
    ends: dict[tuple[int, int, str], list[float]] = defaultdict(list)
    for note in notes:
        if note.kind == "end":
            ends[note.number, note.pid, note.tag].append(note.at)
    found: dict[int, list[Handling]] = defaultdict(list)
    for note in notes:
        if note.kind == "start":
            mine = [at for at in ends[note.number, note.pid, note.tag] if at >= note.at]
            found[note.number].append(Handling(note, min(mine, default=None)))
    return found


def _first(notes: Iterable[Note]) -> dict[int, float]:
    found: dict[int, float] = {}
    for note in notes:
        found.setdefault(note.number, note.at)
    return found


def _copies(runs: Mapping[int, list[Handling]]) -> set[int]:
    """Alerts of which two messages were delivered that nobody had marked as coming again."""
    messages: dict[int, set[object]] = {
        number: {run.start.tag or run.start for run in held if not run.start.again}
        for number, held in runs.items()
    }
    return {number for number, seen in messages.items() if len(seen) >= _TWICE}


def _more_than_one(counted: Sequence[int]) -> set[int]:
    return {number for number, times in Counter(counted).items() if times >= _TWICE}


def _disordered(counted: Sequence[int]) -> list[int]:
    """Numbers are dealt to the partitions in turn, so those of one partition must rise."""
    newest: dict[int, int] = {}
    found = []
    for number in counted:
        if number < newest.get(number % PARTITIONS, -1):
            found.append(number)
        newest[number % PARTITIONS] = max(number, newest.get(number % PARTITIONS, -1))
    return found


def _excused(held: list[Handling], story: Story) -> bool:
    """Whether all runs but one were in the hands of a worker that was lost, before or after."""
    others = [
        run
        for run in held
        if not any(item.covers(run.start.worker, run.start.at, run.end) for item in story.held)
    ]
    return len(others) <= 1


def _wait(
    accepted: Mapping[int, float], done: Mapping[int, float], lost: list[float]
) -> float | None:
    """Longest wait of what was not done when a worker was lost, counted from its loss."""
    waits = [
        done[number] - max(at, max((t for t in lost if t <= done[number]), default=at))
        for number, at in accepted.items()
        if number in done and lost and done[number] >= min(lost)
    ]
    return max(waits, default=None) if lost else None


def _resume(notes: list[Note], story: Story) -> float | None:
    """Longest of: return to the first enqueueing by anybody, and to each worker's first start."""
    workers = story.survivors or {note.worker for note in notes if note.kind == "start"}
    waits = []
    for at in story.returned:
        later = [note for note in notes if note.at >= at]
        firsts = [_soonest(later, "enqueued", None)]
        firsts += [_soonest(later, "start", worker) for worker in workers]
        waits.append(max(float("inf") if first is None else first - at for first in firsts))
    return max(waits, default=None)


def _soonest(notes: list[Note], kind: str, worker: str | None) -> float | None:
    times = (n.at for n in notes if n.kind == kind and worker in (None, n.worker))
    return min(times, default=None)
