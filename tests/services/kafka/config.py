# SPDX-License-Identifier: BSD-3-Clause
"""The configuration of the one-node broker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["server_properties"]


def server_properties(
    ports: Mapping[str, int], data: Path, more: Mapping[str, str] | None = None
) -> str:
    """
    Return ``server.properties`` of a broker that is its own controller.

    Parameters
    ----------
    ports : mapping
        Port of each listener, by security protocol; ``CONTROLLER`` among them.
    data : Path
        Its folder.
    more : mapping, optional
        Further properties.
    """
    listeners = {name: f"{name}://127.0.0.1:{port}" for name, port in ports.items()}
    protocols = {name: name for name in ports} | {"CONTROLLER": "PLAINTEXT"}
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join(listeners.values()),
        "advertised.listeners": ",".join(
            listener for name, listener in listeners.items() if name != "CONTROLLER"
        ),
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, protocol in protocols.items()
        ),
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
        **(more or {}),
    }
    return "".join(f"{key}={value}\n" for key, value in properties.items())
