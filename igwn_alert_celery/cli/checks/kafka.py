# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka lets us do: log in, read topics, join the consumer group."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from igwn_alert_celery.cli.checks.check import Failed, Skipped
from igwn_alert_celery.cli.checks.patient import Patient
from igwn_alert_celery.consumer_group import consumer_group_of
from igwn_alert_celery.errors import KafkaRefused, KafkaUnavailable
from igwn_alert_celery.handlers import is_pattern, topic_regex
from igwn_alert_celery.kafka.permissions import Access, Permissions

__all__ = ["consumer_group", "handlers", "login", "topics"]

_ASK = "ask the topics' owner for permission to read (SCiMMA: https://my.hop.scimma.org)"


def login(patient: Patient) -> str:
    """Log in."""
    _fetch_token(patient)
    patient.permissions = permissions = Permissions(patient.config)
    try:
        welcome = permissions.log_in()
    except KafkaRefused as exc:
        raise Failed(f"Kafka refuses {patient.who}", str(exc)) from None
    except KafkaUnavailable as exc:
        raise Failed(
            "Kafka does not answer",
            f"{exc}: does the port speak {patient.config.get('security.protocol', 'PLAINTEXT')}? "
            "The entry's protocol in auth.toml and igwn_alert_noauth say what we speak; or it is "
            "busy, then try again",
        ) from None
    patient.welcome = welcome
    count = len(welcome.topics)
    return f"{patient.who} is let in, {count} topic{'s' * (count != 1)} to be seen"


def _fetch_token(patient: Patient) -> None:
    """Run a token command by itself first: librdkafka would only wait in vain for its token."""
    fetch = patient.config.get("oauth_cb")
    if fetch is None:
        return
    try:
        fetch(None)
    except Exception as exc:  # noqa: BLE001 - whatever it is, the command or its output is to blame
        file = patient.found.file if patient.found else None
        raise Failed(
            f"the token_command in {file} fails ({type(exc).__name__})",
            "run it in a shell: it has to end with 0 and to print a JWT",
        ) from None


def topics(patient: Patient) -> str:
    """Ask which topics may be read: those that the app wants, else those of the group."""
    wanted = _wanted(patient)
    seen = _of_group(patient)
    if not wanted and not seen:
        raise Failed(f"none of group {patient.settings.group} can be seen", _no_group(patient))
    asked = set(seen) if patient.target.bridge is None else wanted
    access = _permissions(patient).reading(asked)
    forbidden = [short(patient, t) for t, kind in access.items() if kind is Access.FORBIDDEN]
    readable = [short(patient, t) for t, kind in access.items() if kind is Access.ALLOWED]
    if forbidden and (patient.target.bridge is not None or not readable):
        raise Failed(f"{', '.join(forbidden)} may not be read by {patient.who}", _ASK)
    if not readable:
        raise Skipped("the app's topics do not exist yet")
    but = f", but not {', '.join(forbidden)}" if forbidden else ""
    return f"{', '.join(readable)} may be read{but}"


def handlers(patient: Patient) -> str:
    """Compare what the app's handlers ask for with what there is."""
    bridge = patient.target.bridge
    if bridge is None:
        raise Skipped("without -A there is no app")
    if not bridge.topics:
        raise Failed(
            "the app asks for no topic",
            "declare a handler, see that its module is imported (include=), or set "
            "igwn_alert_topics",
        )
    access = _permissions(patient).reading(_wanted(patient))
    missing = [
        short(patient, topic) for topic, kind in access.items() if kind is Access.MISSING
    ] + [topic for topic in bridge.topics if is_pattern(topic) and not _matching(patient, topic)]
    if missing:
        raise Failed(
            f"no such topic: {', '.join(missing)}",
            "correct the name in @igwn_alert.handler(…) or the group; a topic that is created "
            f"later is picked up.{_near(patient, missing)}",
        )
    return f"{', '.join(bridge.topics)}: there"


def consumer_group(patient: Patient) -> str:
    """Ask whether the consumer group may be joined."""
    target, found = patient.target, patient.found
    username = found.credential.username if found and found.credential else None
    name = target.flags.consumer_group
    if not name and target.bridge is not None:
        name = consumer_group_of(patient.settings, username, target.bridge.app.main)
    name = name or patient.settings.consumer_group or (f"{username}-doctor" if username else "")
    if not name:
        raise Skipped("no consumer group, and no username to make one of")
    if _permissions(patient).joining(name) is Access.FORBIDDEN:
        mine = f"{username}-…" if username else "the username"
        raise Failed(
            f"{patient.who} may not use {name!r}",
            f"leave igwn_alert_consumer_group unset, or let it begin with {mine!r} as SCiMMA "
            "demands; elsewhere ask those who run the service for permission to read in it",
        )
    return f"{name} may be used"


def short(patient: Patient, topic: str) -> str:
    """Return a topic without the group."""
    return patient.settings.short_topic(topic)


def _permissions(patient: Patient) -> Permissions:
    if patient.permissions is None:
        raise Skipped("not logged in")
    return patient.permissions


def _of_group(patient: Patient) -> list[str]:
    prefix = patient.settings.topic_prefix
    every = patient.welcome.topics if patient.welcome else frozenset()
    return sorted(topic for topic in every if topic.startswith(prefix))


def _matching(patient: Patient, pattern: str) -> list[str]:
    regex = topic_regex(patient.settings.full_topic(pattern))
    return [topic for topic in _of_group(patient) if regex.fullmatch(topic)]


def _wanted(patient: Patient) -> set[str]:
    """Return the full names that the app asks for, patterns resolved; none without an app."""
    bridge = patient.target.bridge
    wanted: set[str] = set()
    for topic in bridge.topics if bridge is not None else ():
        full = patient.settings.full_topic(topic)
        wanted.update(_matching(patient, topic) if is_pattern(topic) else [full])
    return wanted


def _near(patient: Patient, names: Iterable[str]) -> str:
    there = [short(patient, topic) for topic in _of_group(patient)]
    near = {name: difflib.get_close_matches(name, there, n=2) for name in names}
    hints = [f"{', '.join(found)} for {name}" for name, found in near.items() if found]
    return f" The nearest names: {'; '.join(hints)}" if hints else ""


def _no_group(patient: Patient) -> str:
    every = patient.welcome.topics if patient.welcome else frozenset()
    groups = sorted({topic.partition(".")[0] for topic in every if "." in topic})
    seen = f" (to be seen: {', '.join(groups)})" if groups else ""
    return f"check the group, -g or igwn_alert_group{seen}; else {_ASK}"
