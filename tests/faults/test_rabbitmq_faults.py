# SPDX-License-Identifier: BSD-3-Clause
"""RabbitMQ as the task broker: its own redelivery, and its return; `make faults` does all."""

import pytest

from tests.faults.catalogue import Row, find
from tests.faults.promised import promised

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("name", ["worker: kill -9", "RabbitMQ: stopped for 3 s, started again"])
def test_nothing_is_missing_or_late(rabbitmq_servers, tmp_path, name):
    outcome = promised(Row(find(name), "rabbitmq", "prefork"), rabbitmq_servers, tmp_path)
    assert outcome.wrong == (), outcome
