# SPDX-License-Identifier: BSD-3-Clause
"""The harness sees a loss where there is one: today's way under the same fault."""

import pytest

from tests.faults.catalogue import Row, find
from tests.faults.run import run


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_restart_of_todays_way_is_a_gap(servers, todays_way, tmp_path):
    fault = find("worker: the only one, SIGTERM, started again")
    outcome = run(Row(fault, "redis", "prefork", todays_way), servers, tmp_path)
    assert outcome.tally.missing, outcome
