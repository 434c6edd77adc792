# SPDX-License-Identifier: BSD-3-Clause
"""Where settings come from: ``app.conf``, keywords and the environment, each in its spelling."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from igwn_alert_celery.errors import SettingsError
from igwn_alert_celery.settings_rules import (
    RULES,
    BrokenRule,
    check_topics,
    shown,
    shown_unknown,
)

__all__ = ["Given", "check_all", "check_keywords", "collect", "fields_given", "newest_last"]

_PREFIX = "igwn_alert_"
_ENVIRON_PREFIX = _PREFIX.upper()
_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


@dataclass(frozen=True, slots=True)
class Given:
    """One setting as somebody gave it.

    ``name`` is the field, ``key`` how its source spells it, ``source`` one of ``app.conf``,
    ``keyword``, ``environment``, ``argument`` (of :class:`Settings` itself) and ``default``.
    """

    name: str
    key: str
    value: Any
    source: str

    def refusal(self, rule: str) -> SettingsError:
        """Return the error: one line with key, value, source and rule."""
        return SettingsError(f"{self.key} = {shown(self.name, self.value)} ({self.source}): {rule}")


def fields_given(values: Mapping[str, Any], source: str) -> Iterator[Given]:
    """Yield values by field name, as ``app.conf`` spells them."""
    for name, value in values.items():
        yield Given(name, f"{_PREFIX}{name}", value, source)


def newest_last(maps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one mapping of several, of which the first wins; what was set last comes last.

    So the latest change wins also where it spells its key in another way.
    """
    found: dict[str, Any] = {}
    for each in reversed(maps):
        found = {key: value for key, value in found.items() if key not in each}
        found.update(each.items())
    return found


def collect(
    conf: Mapping[str, Any],
    keywords: Mapping[str, Any],
    environ: Mapping[str, str],
    namespaces: Sequence[str],
) -> Iterator[Given]:
    """Yield everything that was given, the weakest source first."""
    yield from _from_conf(conf, namespaces)
    yield from _from_keywords(keywords)
    yield from _from_environ(environ)


def check_all(givens: Iterable[Given]) -> dict[str, Any]:
    """Return each value in its normal form, the last given of each name; refuse all bad ones."""
    values: dict[str, Any] = {}
    last: dict[str, Given] = {}
    for given in givens:
        values[given.name] = _check(given)
        last[given.name] = given
    _obey(last["topics"], partial(check_topics, values["group"], values["topics"]))
    return values


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """Refuse bad keywords by themselves, before the other sources are known."""
    for given in _from_keywords(keywords):
        _check(given)


def _check(given: Given) -> Any:
    _refuse_unknown(given)
    return _obey(given, partial(RULES[given.name], given.value))


def _obey(given: Given, check: Callable[[], Any]) -> Any:
    try:
        return check()
    except BrokenRule as exc:
        raise given.refusal(str(exc)) from None


def _from_conf(conf: Mapping[str, Any], namespaces: Sequence[str]) -> Iterator[Given]:
    # Where one key is given in two spellings, the later one wins.
    prefixes = [_PREFIX, *(f"{space.lower().rstrip('_')}_{_PREFIX}" for space in namespaces)]
    for key, value in conf.items():
        lower = key.lower() if isinstance(key, str) else ""
        for prefix in prefixes:
            if lower.startswith(prefix):
                yield Given(lower.removeprefix(prefix), key, value, "app.conf")


def _from_keywords(keywords: Mapping[str, Any]) -> Iterator[Given]:
    for name, value in keywords.items():
        key = name if name.startswith(_PREFIX) else f"{_PREFIX}{name}"
        yield Given(name, key, value, "keyword")


def _from_environ(environ: Mapping[str, str]) -> Iterator[Given]:
    for key, text in environ.items():
        name = key.removeprefix(_ENVIRON_PREFIX).lower()
        if not key.startswith(_ENVIRON_PREFIX) or name == "app" or name.startswith("test_"):
            continue
        # Compose files hand unset variables on as empty ones.
        if text:
            yield Given(name, key, _parsed(name, text), "environment")


def _word(text: str) -> bool | str:
    word = text.strip().lower()
    return _WORDS.get(word, word)


def _commas(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("noauth", "enabled", "ignore_test", "move_ledger", "redelivery"), _word),
    **dict.fromkeys(("port", "max_bytes", "dead_letter_max_count", "dead_letter_max_bytes"), int),
    **dict.fromkeys(("offload_timeout_s", "rewind_s", "task_broker_timeout_s"), float),
    **dict.fromkeys(("publish_timeout_s", "publish_backoff_s"), float),
    **dict.fromkeys(("publish_retries", "max_attempts"), int),
    **dict.fromkeys(("unknown_task_s", "stuck_after_s"), float),
    "topics": _commas,
    "kafka_options": json.loads,
    "password": str,
}


def _parsed(name: str, text: str) -> Any:
    try:
        return _PARSERS.get(name, str.strip)(text)
    except ValueError:
        # It stays a text, which the setting's rule refuses.
        return text


def _refuse_unknown(given: Given) -> None:
    name = given.name
    if name in RULES:
        return
    bare = name.lower().removeprefix(_PREFIX)
    near = next(iter(difflib.get_close_matches(bare, RULES, n=1)), None)
    rule = f"there is no such setting{_hint(given, near)}"
    value = shown_unknown(name, given.value, near)
    raise SettingsError(f"{given.key} = {value} ({given.source}): {rule}")


def _hint(given: Given, near: str | None) -> str:
    if near is None:
        return f"; there are {', '.join(RULES)}"
    if given.source == "keyword":
        return f"; did you mean {near}? (keywords are written without {_PREFIX})"
    if given.source == "environment":
        return f"; did you mean {_ENVIRON_PREFIX}{near.upper()}?"
    cased = near.upper() if given.key.isupper() else near
    return f"; did you mean {given.key[: len(given.key) - len(given.name)]}{cased}?"
