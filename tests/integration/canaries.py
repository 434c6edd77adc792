# SPDX-License-Identifier: BSD-3-Clause
"""Secrets that are planted to be looked for, and the search for them."""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from tests.services.kafka.access import PASSWORDS

__all__ = ["MARK", "canary", "found_in", "watching"]

#: What every planted secret contains.
MARK = "c4n4ry"
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def canary(what: str) -> str:
    """Return a secret."""
    return f"{what}-{MARK}-Secret"


def found_in(text: str) -> list[str]:
    """Return where secrets stand in a text, also in base64, escaped or quoted; each with what is
    around it.
    """
    places = []
    for form in (text, unquote(text), *_decoded(text)):
        for secret in (MARK, *PASSWORDS.values()):
            places += [form[max(0, at - 60) : at + 60] for at in _all(form, secret)]
    return places


def _all(text: str, word: str) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(word), text)]


def _decoded(text: str) -> Iterator[str]:
    for word in _BASE64.findall(text):
        # It may begin within a longer word.
        for start in range(4):
            part = word[start:].rstrip("=")
            try:
                raw = base64.b64decode(part[: len(part) // 4 * 4], altchars="-_")
            except binascii.Error:
                continue
            yield raw.decode("latin-1")


@contextmanager
def watching(client: Any) -> Iterator[list[str]]:
    """Note every command that anybody gives Redis; logins are not shown."""
    commands: list[str] = []
    with client.monitor() as monitor:
        # The monitor's own reply is read by now, so nothing that follows is missed.
        reader = threading.Thread(target=_note, args=(monitor, commands), daemon=True)
        reader.start()
        yield commands
        client.echo("the end")
        reader.join(60)
    assert commands
    assert not reader.is_alive()


def _note(monitor: Any, commands: list[str]) -> None:
    for found in monitor.listen():
        if found["command"] == "ECHO the end":
            return
        commands.append(found["command"])
