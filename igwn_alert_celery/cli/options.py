# SPDX-License-Identifier: BSD-3-Clause
"""The global options, before a sub-command and, hidden, after it; and those that several have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from igwn_alert_celery.cli.flags import LISTEN_RETRIES, RETRY_WAIT_S, Flags
from igwn_alert_celery.cli.report import set_up_log

__all__ = [
    "GROUPS",
    "TOPICS",
    "Option",
    "examples",
    "global_options",
    "topic_completion",
    "wait_option",
]

_LEVELS = ("critical", "error", "warning", "info", "debug")
#: Groups of GraceDB's instances, for completion.
GROUPS = ("gracedb", "gracedb-playground", "gracedb-test", "gracedb-test01")
#: Topics of GraceDB, for completion; a group may have others.
TOPICS = (
    "superevent",
    "mdc_superevent",
    "test_superevent",
    *(f"cbc_{name}" for name in ("aframe", "gstlal", "mbta", "pycbc", "sgnl", "spiir")),
    *(f"burst_{name}" for name in ("cwb", "mly")),
    *(f"external_{name}" for name in ("chime", "fermi", "icecube", "snews", "svom", "swift")),
)


class Option(click.Option):
    """An option that only its own environment variable sets.

    Under ``celery`` each would otherwise have one, ``CELERY_IGWN_ALERT_GROUP``, which is a
    setting of apps with the namespace ``CELERY``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_from_autoenv": False, **kwargs})


def examples(*lines: str) -> str:
    """Return the end of a sub-command's help."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def global_options(*, hidden: bool) -> list[click.Option]:
    """Return the options; each notes what it was given in the :class:`Flags` of ``ctx.obj``."""
    found: list[click.Option] = [
        Option([*names], hidden=hidden, **_COMMON, **more) for names, more in _OPTIONS
    ]
    if hidden:
        # After the sub-command too the environment would be read, and win over what stood before.
        for option in found:
            option.envvar = None
    return found


def topic_completion(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the topics of GraceDB that begin like this."""
    return [topic for topic in TOPICS if topic.startswith(begun)]


def _group_completion(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    return [group for group in GROUPS if group.startswith(begun)]


def _note(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is None:
        return
    flags: Flags = ctx.obj.flags
    source = ctx.get_parameter_source(str(param.name))
    if source is ParameterSource.ENVIRONMENT and flags.app is not None:
        # `celery -A` has been given.
        return
    setattr(flags, str(param.name), value)
    if param.name == "log":
        set_up_log(value)


_COMMON: dict[str, Any] = {"expose_value": False, "callback": _note, "default": None}
_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-A", "--app"),
        {
            "metavar": "APP",
            "envvar": "IGWN_ALERT_APP",
            "show_envvar": True,
            "help": "Celery app, as `celery -A` takes it: go through it, with its settings.",
        },
    ),
    (
        ("noauth", "--no-auth"),
        {"is_flag": True, "flag_value": True, "help": "Connect without a credential."},
    ),
    (
        ("-g", "--group"),
        {
            "metavar": "GROUP",
            "shell_complete": _group_completion,
            "help": "Prefix of the topics, such as gracedb-playground (default: gracedb).",
        },
    ),
    (
        ("-c", "--consumer-group"),
        {
            "metavar": "CONSUMER_GROUP",
            "help": "Kafka's consumer group: `listen` joins it and goes on where it stopped.",
        },
    ),
    (
        ("pretty", "-j", "--jsonpp"),
        {"is_flag": True, "flag_value": True, "help": "Print alerts as indented JSON."},
    ),
    (
        ("-l", "--log"),
        {
            "type": click.Choice(_LEVELS, case_sensitive=False),
            "help": "Level of the log on stderr (default: error).",
        },
    ),
    (
        ("-n", "--netrc"),
        {
            "metavar": "NETRC",
            "type": click.Path(),
            "help": "Take the credential from this netrc file.",
        },
    ),
    (
        ("-p", "--port"),
        {"metavar": "PORT", "type": int, "help": "Port of the Kafka service (default: 9092)."},
    ),
    (
        ("-r", "--retry-on-fatal"),
        {"is_flag": True, "flag_value": True, "help": "Let `listen` try again before it gives up."},
    ),
    (
        ("-s", "--server"),
        {
            "metavar": "SERVER",
            "help": "URL of the Kafka service (default: kafka://kafka.scimma.org/).",
        },
    ),
    (
        ("-t", "--listen_retries", "--listen-retries"),
        {
            "metavar": "N",
            "type": click.IntRange(min=0),
            "help": f"With -r: so many times in a row (default: {LISTEN_RETRIES}).",
        },
    ),
    (
        ("-u", "--username"),
        {"metavar": "USERNAME", "help": "Take this user's entry of auth.toml or netrc."},
    ),
    (
        ("retry_wait_s", "-w", "--retry_wait", "--retry-wait"),
        {
            "metavar": "S",
            "type": click.FloatRange(min=0),
            "help": f"With -r: wait so many seconds before each (default: {RETRY_WAIT_S:g}).",
        },
    ),
)

Decorator = Callable[[click.Command], click.Command]


def wait_option(default_s: int, text: str) -> Callable[[Any], Any]:
    """Return the decorator for ``--wait``, in seconds."""
    return click.option(
        "--wait",
        "wait_s",
        cls=Option,
        type=click.FloatRange(min=0),
        default=default_s,
        show_default=True,
        metavar="S",
        help=text,
    )
