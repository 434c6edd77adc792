# SPDX-License-Identifier: BSD-3-Clause
"""Alerts as JSON text, with everything that JSON allows and people do not expect."""

from __future__ import annotations

import json

from hypothesis import strategies as st

__all__ = ["alert_texts"]

HARD = (
    "NaN",
    "Infinity",
    "-Infinity",
    "-0.0",
    "1e400",
    "1E5",
    str(10**40),
    str(-(2**63)),
    r'"\ud800"',
    r'"\udc00 \ud83d\ude00"',
    r'"\u0000\u007f\u0085\u2028"',
    '"<igwn-alert>"',
    '{"__type__": "datetime", "__value__": "2023-05-18T12:00:00"}',
    '{"__type__": "nobody knows it", "__value__": 1}',
    r'{"\u005f_type__": "bytes", "__value__": "x"}',
    '{"__type__": "uuid", "__value__": 1, "more": 2}',
)


def _string(text: str, *, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)


strings = st.builds(
    _string, st.text(st.characters(exclude_categories=["Cs"])), ascii_only=st.booleans()
)
scalars = st.one_of(
    st.sampled_from(HARD),
    st.sampled_from(["null", "true", "false"]),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    strings,
)


def _object(pairs: list[tuple[str, str]], space: str) -> str:
    return "{" + f",{space}".join(f"{key}:{space}{value}" for key, value in pairs) + "}"


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    # Keys may come twice.
    keys = st.one_of(st.sampled_from(['"uid"', '"alert_type"', '"__type__"']), strings)
    pairs = st.lists(st.tuples(keys, values), max_size=4)
    return st.builds(_object, pairs, st.sampled_from(["", " ", "\n\t"]))


values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        _objects(inner), st.lists(inner, max_size=4).map(lambda found: f"[{', '.join(found)}]")
    ),
    max_leaves=12,
)
#: A JSON object's text.
alert_texts = _objects(values)
