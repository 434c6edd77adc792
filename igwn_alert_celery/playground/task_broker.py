# SPDX-License-Identifier: BSD-3-Clause
"""kombu's task broker of plain files, whole: for one machine, and without a server."""

from __future__ import annotations

import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps

__all__ = ["Channel", "Transport", "settings"]

_LOOK_S = 0.01
_MOST_WAIT_S = 0.2


class Channel(filesystem.Channel):
    """Puts each message into its queue as a whole.

    kombu makes the file first and fills it then, and its reader does not ask for the lock: one
    message in some twenty was read empty here, which ends a worker.
    """

    # kombu's own classes differ in the names of these.
    def _put(self, queue: str, message: Any, **_: Any) -> None:  # type: ignore[override]
        name = f"{monotonic_ns():020}_{uuid.uuid4()}"
        folder = Path(self.data_folder_out)
        unfinished = folder / f"{name}.unfinished"
        unfinished.write_text(dumps(message), "utf-8")
        unfinished.rename(folder / f"{name}.{queue}.msg")


class Transport(filesystem.Transport):
    """The transport of these channels."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> Any:
        """Return to the worker soon: it looks only in between whether it has to end."""
        bound_s = None if timeout is None else min(timeout, _MOST_WAIT_S)
        kombu: Any = super()
        return kombu.drain_events(connection, timeout=bound_s)


def settings(folder: Path) -> dict[str, Any]:
    """Return Celery's settings for a task broker in this folder, and make its folders.

    Everything stays in the folder; kombu would move messages through the system's own.
    """
    places = {name: folder / name for name in ("queues", "control", "processed")}
    for place in places.values():
        place.mkdir(exist_ok=True)
    return {
        "broker_transport": f"{__name__}:Transport",
        "broker_transport_options": {
            "data_folder_in": str(places["queues"]),
            "data_folder_out": str(places["queues"]),
            "control_folder": str(places["control"]),
            "processed_folder": str(places["processed"]),
            "store_processed": True,
            "polling_interval": _LOOK_S,
        },
    }
