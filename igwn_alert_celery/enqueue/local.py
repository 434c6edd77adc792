# SPDX-License-Identifier: BSD-3-Clause
"""State beside a task broker that has no room for it: first requests and dead letters, SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from igwn_alert_celery.dead_letter import DeadLetter

__all__ = ["LocalDeadLetters", "LocalState"]

_SCHEMA = """
create table if not exists asked (scope text, field text, value text, primary key (scope, field));
create table if not exists dead_letters
  (n integer primary key autoincrement, id text unique, body blob);
"""


class LocalState:
    """One SQLite file; safe for several processes, one connection per call."""

    def __init__(
        self, path: Path, *, max_count: int = 10_000, max_bytes: int = 100_000_000
    ) -> None:
        self._path = path
        with _open(path) as connection:
            connection.executescript(_SCHEMA)
        path.chmod(0o600)
        self.dead_letters = LocalDeadLetters(path, max_count, max_bytes)

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

    def add(self, letter: DeadLetter) -> list[str]:
        """Keep one; returns the ids that the bounds pushed out."""
        evicted = []
        with _open(self._path) as connection:
            connection.execute(
                "insert into dead_letters (id, body) values (?, ?)", (letter.id, letter.to_json())
            )
            while self._over(connection):
                oldest = connection.execute("select id from dead_letters order by n").fetchone()[0]
                connection.execute("delete from dead_letters where id = ?", (oldest,))
                evicted.append(oldest)
        return evicted

    def count(self) -> int:
        """Return how many there are."""
        with _open(self._path) as connection:
            return int(connection.execute("select count(*) from dead_letters").fetchone()[0])

    def size_bytes(self) -> int:
        """Return their size in bytes, as stored."""
        query = "select coalesce(sum(length(body)), 0) from dead_letters"
        with _open(self._path) as connection:
            return int(connection.execute(query).fetchone()[0])

    def list(self, limit: int = 50) -> list[DeadLetter]:
        """Return the oldest ones."""
        with _open(self._path) as connection:
            rows = connection.execute("select body from dead_letters order by n limit ?", (limit,))
            return [DeadLetter.from_json(body) for (body,) in rows]

    def get(self, letter_id: str) -> DeadLetter | None:
        """Return one, or None."""
        query = "select body from dead_letters where id = ?"
        with _open(self._path) as connection:
            row = connection.execute(query, (letter_id,)).fetchone()
        return None if row is None else DeadLetter.from_json(row[0])

    def drop(self, letter_id: str) -> bool:
        """Drop one; returns whether it was there."""
        with _open(self._path) as connection:
            cursor = connection.execute("delete from dead_letters where id = ?", (letter_id,))
            return cursor.rowcount > 0

    def _over(self, connection: sqlite3.Connection) -> bool:
        query = "select count(*), coalesce(sum(length(body)), 0) from dead_letters"
        count, size = connection.execute(query).fetchone()
        return bool(count > 1 and (count > self._bounds[0] or size > self._bounds[1]))


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=10)
    try:
        with connection:
            yield connection
    finally:
        connection.close()
