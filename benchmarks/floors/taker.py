# SPDX-License-Identifier: BSD-3-Clause
"""A process that does nothing but take messages from Redis: where a handler would start."""

from __future__ import annotations

import json
import os
from base64 import b64decode

import redis

from benchmarks import environment as env
from benchmarks.alerts import number_in
from benchmarks.notes import Notes

__all__: list[str] = []


def _main() -> None:
    notes = Notes(os.environ[env.NOTES])
    client = redis.Redis.from_url(os.environ[env.TASK_BROKER])
    while True:
        found = client.brpop([os.environ[env.HANDLER_QUEUE]], 1)
        if found is not None:
            notes.add(number_in(b64decode(json.loads(found[1])["body"])))


if __name__ == "__main__":
    _main()
