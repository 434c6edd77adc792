# SPDX-License-Identifier: BSD-3-Clause
"""Walk an XML document before hop's model reads it, so that it cannot blow up.

Entities are how a few lines of XML become gigabytes, or a file of this machine. What keeps them
out below hop depends on the versions of xmltodict and expat; no VOEvent declares any.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.json_text import MOST_DEPTH

__all__ = ["check_xml"]


_FINAL = True


class _Walk:
    depth = 0

    def start(self, _name: str, _attributes: Any) -> None:
        """Enter an element."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise PoisonRecord("too_deep", f"XML: nested deeper than {MOST_DEPTH} levels")

    def end(self, _name: str) -> None:
        """Leave an element."""
        self.depth -= 1


def check_xml(data: bytes) -> None:
    """Check for declarations and for depth, up to the first error of syntax.

    Raises
    ------
    PoisonRecord
        ``undecodable`` for a document type declaration, ``too_deep``.
    """
    walk = _Walk()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    try:
        parser.Parse(data, _FINAL)
    except expat.ExpatError:
        # hop says what is wrong with it, or reads the JSON that its old versions made of XML.
        return


def _refuse(*_declaration: Any) -> None:
    raise PoisonRecord("undecodable", "XML: a document type declaration")
