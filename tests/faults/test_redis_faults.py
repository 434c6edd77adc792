# SPDX-License-Identifier: BSD-3-Clause
"""A Redis that goes away and comes back, in one pool each; `make faults` does all."""

import pytest

from tests.faults.catalogue import Row, find
from tests.faults.promised import promised

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize(
    ("name", "pool"),
    [
        ("Redis: kill -9, back after 5 s with its data", "threads"),
        ("Redis: kill -9, back with an older snapshot", "prefork"),
        ("Redis: read-only for 5 s", "solo"),
        ("Redis: connections reset for 5 s", "eventlet"),
    ],
)
def test_nothing_is_missing_late_or_twice(servers, tmp_path, name, pool):
    outcome = promised(Row(find(name), "redis", pool), servers, tmp_path)
    assert outcome.wrong == (), outcome
