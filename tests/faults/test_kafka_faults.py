# SPDX-License-Identifier: BSD-3-Clause
"""A Kafka that goes away and comes back, in one pool each; `make faults` does all."""

import pytest

from tests.faults.catalogue import Row, find
from tests.faults.promised import promised

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize(
    ("name", "pool"),
    [
        ("Kafka: kill -9, started again", "prefork"),
        ("Kafka: connections half open for 15 s", "threads"),
    ],
)
def test_nothing_is_missing_late_or_twice(servers, tmp_path, name, pool):
    outcome = promised(Row(find(name), "redis", pool), servers, tmp_path)
    assert outcome.wrong == (), outcome
