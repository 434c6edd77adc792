# SPDX-License-Identifier: BSD-3-Clause
"""What a task message holds, as it lies in Redis."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

__all__ = ["body_of"]


def body_of(message: Mapping[str, Any]) -> bytes:
    """Return a message's body, which kombu writes in base64 and our fast way as it is."""
    encoding = message["properties"].get("body_encoding")
    body: str = message["body"]
    if encoding == "base64":
        return b64decode(body)
    assert encoding is None, encoding
    return body.encode()
