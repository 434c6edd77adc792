# SPDX-License-Identifier: BSD-3-Clause
"""A run that was only late is done a second time; one that has lost something is not."""

import pytest

from tests.faults import promised as module
from tests.faults.catalogue import Row, find
from tests.faults.promised import promised
from tests.faults.run import Outcome
from tests.faults.tally import Tally
from tests.faults.verdict import verdict

ROW = Row(find("worker: kill -9"), "redis", "prefork")
WELL, LATE = Tally(10, takeover_s=8.0), Tally(10, takeover_s=12.0)
LOST, BOTH = Tally(10, missing=[3], takeover_s=8.0), Tally(10, missing=[3], takeover_s=12.0)


@pytest.mark.parametrize(
    ("tallies", "wrong"),
    [
        ([WELL], []),
        ([LATE, WELL], []),
        ([LATE, LATE], ["takeover"]),
        ([LATE, LOST], ["1"]),
        ([LOST], ["1"]),
        ([BOTH], ["1", "takeover"]),
    ],
)
def test_only_time_gets_a_second_run(tallies, wrong, tmp_path, monkeypatch):
    left = list(tallies)

    def run(row, servers, folder):
        assert folder.is_dir()
        found = left.pop(0)
        return Outcome(row, found, verdict(row, found), 1.0)

    monkeypatch.setattr(module, "run", run)
    outcome = promised(ROW, None, tmp_path)
    assert [text.split()[0] for text in outcome.wrong] == wrong
    assert left == []
