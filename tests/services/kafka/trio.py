# SPDX-License-Identifier: BSD-3-Clause
"""A Kafka cluster of three brokers, each of which is a controller as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tests.services.absent import Absent
from tests.services.kafka.broker import Kafka
from tests.services.ports import free_port
from tests.services.process import Process
from tests.services.wait import wait_until

__all__ = ["KafkaTrio"]

_NUMBERS = (1, 2, 3)


class _Node(Kafka):
    """One of the three; ready only when another one runs."""

    def __init__(self, number: int, ports: Sequence[Mapping[str, int]]) -> None:
        self.number = number
        self._ports_of_all = ports
        super().__init__()

    def launch(self) -> None:
        """Start the process where there is none, without waiting."""
        if not self.running:
            self._process = self._launch()

    def wait_ready(self) -> None:
        """Wait until it answers."""
        self._own().wait_ready(self._answers, self.start_timeout_s)

    def _choose_ports(self) -> dict[str, int]:
        return dict(self._ports_of_all[self.number - 1])

    def _more_properties(self) -> dict[str, str]:
        controllers = [ports["CONTROLLER"] for ports in self._ports_of_all]
        voters = zip(_NUMBERS, controllers, strict=True)
        return {
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{port}" for n, port in voters),
            "offsets.topic.replication.factor": "3",
            "transaction.state.log.replication.factor": "3",
            "min.insync.replicas": "2",
            # One that a busy machine holds up for some seconds is not given up by the others.
            "broker.session.timeout.ms": "9000",
        }


class KafkaTrio(Kafka):
    """Topics have three replicas, of which two must have a record before it counts as sent.

    ``bootstrap`` names the first one only, as a URL of ours does.
    """

    variable = "IGWN_ALERT_TEST_KAFKA_TRIO"
    _replicas: ClassVar[int] = 3
    # One of them knows a new topic, the others soon.
    _propagation_ms: ClassVar[int] = 30_000

    def __init__(self, address: str | None = None) -> None:
        if address is not None:
            raise Absent(f"unset {self.variable}: the tests kill brokers of their own")
        self._nodes: list[_Node] = []
        super().__init__()

    @property
    def running(self) -> bool:
        """Whether all three run."""
        return all(node.running for node in self._nodes)

    def start(self) -> None:
        """Start those that do not run, and wait until each answers and no replica is behind."""
        if self.running:
            return
        for node in self._nodes:
            node.launch()
        for node in self._nodes:
            node.wait_ready()
        wait_until(self._is_whole, self.start_timeout_s, "all replicas are in sync")

    def leader(self, topic: str, partition: int) -> Kafka:
        """Return the broker that leads a partition, to be killed or suspended."""

        def number() -> int:
            # While another one is chosen there is none: -1.
            metadata = self._admin.list_topics(topic, timeout=30.0).topics[topic]
            return max(0, int(metadata.partitions[partition].leader))

        return self.node(wait_until(number, 60.0, f"a leader of {topic}"))

    def node(self, number: int) -> Kafka:
        """Return a broker by its number, from 1 on."""
        return self._nodes[number - 1]

    def close(self) -> None:
        """End all three and remove their data."""
        for node in self._nodes:
            node.close()
        super().close()

    def _prepare(self) -> str:
        ports = [{name: free_port() for name in self._listeners} for _ in _NUMBERS]
        self._nodes = [_Node(number, ports) for number in _NUMBERS]
        return self._nodes[0].address

    def _launch(self) -> Process:
        raise NotImplementedError("its nodes are launched")

    def _client_options(self) -> dict[str, Any]:
        every = ",".join(node.address for node in self._nodes)
        # A broker that hangs is given up soon.
        ours = {"bootstrap.servers": every, "socket.timeout.ms": 5000}
        return {**super()._client_options(), **ours}

    def _is_whole(self) -> bool:
        topics = self._admin.list_topics(timeout=10.0).topics.values()
        parts = [part for topic in topics for part in topic.partitions.values()]
        return all(len(part.isrs) == len(part.replicas) for part in parts)
