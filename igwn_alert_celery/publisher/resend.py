# SPDX-License-Identifier: BSD-3-Clause
"""From the dead letter of an alert that was not sent back to what the publisher task sends."""

from __future__ import annotations

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.kafka.encode import HOPS
from igwn_alert_celery.publisher.parcel import Parcel

__all__ = ["parcel_of"]


def parcel_of(letter: DeadLetter, topic: str) -> Parcel | None:
    """Return the parcel, with the bytes as they were encoded first; hop's id will be a new one.

    Parameters
    ----------
    letter : DeadLetter
    topic : str
        Its topic without the group.

    Returns
    -------
    Parcel or None
        None where what was to be sent could not be encoded: then there is nothing to send.
    """
    own = {name: value for name, value in letter.headers if name in HOPS}
    format_name = own.get("_format")
    if format_name is None or letter.value is None:
        return None
    return Parcel(
        topics=(topic,),
        many=False,
        content=letter.value,
        format=format_name.decode("utf-8", "backslashreplace"),
        key=letter.key,
        headers=tuple(header for header in letter.headers if header[0] not in HOPS),
        test="_test" in own,
    )
