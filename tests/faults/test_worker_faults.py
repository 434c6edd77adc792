# SPDX-License-Identifier: BSD-3-Clause
"""Workers that are killed and stopped under load, in one pool each; `make faults` does all."""

from dataclasses import replace

import pytest

from tests.faults.catalogue import Row, find
from tests.faults.promised import promised

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize(
    ("name", "pool"),
    [
        ("worker: kill -9", "prefork"),
        ("worker: kill -9", "gevent"),
        ("worker: kill -9 of pool children", "prefork"),
    ],
)
def test_nothing_is_missing_late_or_twice(servers, tmp_path, name, pool):
    outcome = promised(Row(find(name), "redis", pool), servers, tmp_path)
    assert outcome.wrong == (), outcome


def test_a_stopped_worker_hands_over_at_once(servers, tmp_path):
    # Far below a session's time-out; `make faults` holds it against the second that is promised.
    fault = replace(find("worker: SIGTERM under load"), takeover_limit_s=4.0)
    outcome = promised(Row(fault, "redis", "threads"), servers, tmp_path)
    assert outcome.wrong == (), outcome
