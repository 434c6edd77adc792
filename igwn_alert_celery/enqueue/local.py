# SPDX-License-Identifier: BSD-3-Clause
"""State beside a task broker that has no room for it: first requests and dead letters, SQLite."""

from __future__ import annotations

import builtins
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["LocalDeadLetters", "LocalState"]

_SCHEMA = """
create table if not exists asked (scope text, field text, value text, primary key (scope, field));
create table if not exists letters
  (n integer primary key autoincrement, id text unique, origin text unique, body blob);
"""


class LocalState:
    """One SQLite file; safe for several processes and threads, one connection per call.

    Every method blocks for at most ten seconds (while another process writes) and raises
    :exc:`TaskBrokerUnavailable` when the file cannot be used.

    Parameters
    ----------
    path : Path
        The file, in a folder that exists; created readable by its owner only.
    max_count, max_bytes : int
        Bounds of the dead letters; the oldest are pushed out, the newest one always stays.
    """

    def __init__(
        self, path: Path, *, max_count: int = 10_000, max_bytes: int = 100_000_000
    ) -> None:
        self._path = path
        self.prepare()
        self.dead_letters = LocalDeadLetters(path, max_count, max_bytes)

    def prepare(self) -> None:
        """Make the file where there is none (any more)."""
        _make_private(self._path)
        with _open(self._path) as connection:
            connection.executescript(_SCHEMA)

    def asked(self, cluster_id: str, consumer_group: str) -> dict[str, str]:
        """Return what the group has asked for before: topic or pattern → JSON text."""
        with _open(self._path) as connection:
            query = "select field, value from asked where scope = ?"
            return dict(connection.execute(query, (f"{cluster_id}:{consumer_group}",)))

    def remember(self, cluster_id: str, consumer_group: str, field: str, text: str) -> str:
        """Remember a first request; an earlier one stays. Returns what is stored."""
        with _open(self._path) as connection:
            row = (f"{cluster_id}:{consumer_group}", field, text)
            connection.execute("insert or ignore into asked values (?, ?, ?)", row)
        return self.asked(cluster_id, consumer_group)[field]


class LocalDeadLetters:
    """Dead letters in SQLite, oldest first, bounded by count and bytes."""

    def __init__(self, path: Path, max_count: int, max_bytes: int) -> None:
        self._path = path
        self._bounds = (max_count, max_bytes)

    def add(self, *letters: DeadLetter) -> list[str]:
        """Keep them, all or none; returns the ids that the bounds pushed out.

        One for the same record, reason and handler (after a failed batch) takes the other's place.
        """
        with _open(self._path) as connection:
            for letter in letters:
                _insert(connection, letter)
            return self._push_out(connection) if letters else []

    def count(self) -> int:
        """Return how many there are."""
        with _open(self._path) as connection:
            return int(connection.execute("select count(*) from letters").fetchone()[0])

    def size_bytes(self) -> int:
        """Return their size in bytes, as stored."""
        query = "select coalesce(sum(length(body)), 0) from letters"
        with _open(self._path) as connection:
            return int(connection.execute(query).fetchone()[0])

    def list(self, limit: int = 50) -> list[DeadLetter]:
        """Return the oldest ones, at most ``limit``."""
        with _open(self._path) as connection:
            query = "select body from letters order by n limit ?"
            rows = connection.execute(query, (max(0, limit),))
            return [DeadLetter.from_json(body) for (body,) in rows]

    def ids(self) -> builtins.list[str]:
        """Return all ids, the oldest first."""
        with _open(self._path) as connection:
            return [name for (name,) in connection.execute("select id from letters order by n")]

    def some(self, ids: Sequence[str]) -> builtins.list[DeadLetter]:
        """Return those of these ids that are there, in this order."""
        found = (self.get(letter_id) for letter_id in ids)
        return [letter for letter in found if letter is not None]

    def get(self, letter_id: str) -> DeadLetter | None:
        """Return one, or None."""
        query = "select body from letters where id = ?"
        with _open(self._path) as connection:
            row = connection.execute(query, (letter_id,)).fetchone()
        return None if row is None else DeadLetter.from_json(row[0])

    def drop(self, letter_id: str) -> bool:
        """Drop one; returns whether it was there."""
        with _open(self._path) as connection:
            cursor = connection.execute("delete from letters where id = ?", (letter_id,))
            return cursor.rowcount > 0

    def _push_out(self, connection: sqlite3.Connection) -> builtins.list[str]:
        # The sizes are summed up once for all: to do so takes tens of milliseconds.
        query = "select count(*), coalesce(sum(length(body)), 0) from letters"
        count, size = connection.execute(query).fetchone()
        evicted = []
        while count > 1 and (count > self._bounds[0] or size > self._bounds[1]):
            query = "select n, id, length(body) from letters order by n limit 1"
            n, oldest, length = connection.execute(query).fetchone()
            connection.execute("delete from letters where n = ?", (n,))
            evicted.append(oldest)
            count, size = count - 1, size - length
        return evicted


def _insert(connection: sqlite3.Connection, letter: DeadLetter) -> None:
    row = (letter.id, letter.to_json(), _origin(letter))
    found = connection.execute("update letters set id = ?, body = ? where origin = ?", row)
    if not found.rowcount:
        insert = "insert or ignore into letters (id, body, origin) values (?, ?, ?)"
        connection.execute(insert, row)


def _origin(letter: DeadLetter) -> str | None:
    if letter.partition < 0:
        return None  # never a record of Kafka's, so nothing is read again
    return json.dumps(
        (
            letter.topic,
            letter.partition,
            letter.offset,
            letter.timestamp_ms,
            letter.reason,
            letter.handler,
        )
    )


def _make_private(path: Path) -> None:
    # Before SQLite opens it: alerts of a private group must never be readable by others.
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as exc:
        raise _unusable(path, exc) from exc


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(path, timeout=10)
        try:
            with connection:
                yield connection
        finally:
            connection.close()
    except sqlite3.Error as exc:
        raise _unusable(path, exc) from exc


def _unusable(path: Path, exc: Exception) -> TaskBrokerUnavailable:
    return TaskBrokerUnavailable(f"the state file {path} cannot be used: {exc}")
