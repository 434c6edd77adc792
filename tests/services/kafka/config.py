# SPDX-License-Identifier: BSD-3-Clause
"""The configuration of the one-node broker."""

from __future__ import annotations

from pathlib import Path

__all__ = ["server_properties"]


def server_properties(port: int, controller_port: int, data: Path) -> str:
    """Return ``server.properties`` of a broker that is its own controller."""
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        # A killed broker may only come back when its old session has expired.
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "4000",
        # A deleted topic may be created again at once, so its files need not linger.
        "log.segment.delete.delay.ms": "1000",
    }
    return "".join(f"{key}={value}\n" for key, value in properties.items())
