# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import ast
import dataclasses
import inspect
import pickle
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery import settings as settings_module
from igwn_alert_celery.errors import ConfigError, SettingsError
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.settings_parse import newest_last
from igwn_alert_celery.settings_rules import RULES

FIELDS = [item.name for item in dataclasses.fields(Settings)]
SECRET = "correct-horse-battery"


def build(conf=None, environ=None, namespaces=(), **keywords):
    return Settings.build(conf or {}, keywords, environ or {}, namespaces=namespaces)


def refused(conf=None, environ=None, namespaces=(), **keywords):
    with pytest.raises(SettingsError) as caught:
        build(conf, environ, namespaces, **keywords)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert isinstance(caught.value, ConfigError)
    return text


def attempt(keywords, environ):
    try:
        return Settings.build({}, keywords, environ), ""
    except SettingsError as exc:
        return None, str(exc)


def test_defaults():
    settings = build()
    assert settings == Settings()
    assert settings.bootstrap == "kafka.scimma.org:9092"
    assert settings.group == "gracedb"
    assert settings.noauth is False
    assert settings.enabled is None
    assert settings.start_at == "latest"
    assert settings.max_bytes == 4_000_000
    assert settings.kafka_options == {}
    assert settings.topics == ()
    assert settings.task_broker_timeout_s == 5.0
    assert settings.wire_format == "gracedb"
    assert settings.publish_queue is None


def test_every_field_has_a_rule_and_says_meaning_and_default():
    assert list(RULES) == FIELDS
    body = ast.parse(inspect.getsource(settings_module)).body
    cls = next(node for node in body if isinstance(node, ast.ClassDef))
    documented = {
        node.target.id: after.value.value
        for node, after in zip(cls.body, cls.body[1:], strict=False)
        if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr)
    }
    assert list(documented) == FIELDS
    for name, text in documented.items():
        assert "Default: " in text, name


def test_frozen():
    settings = build()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.group = "other"
    with pytest.raises(TypeError):
        settings.kafka_options["debug"] = "all"
    assert hash(settings) == hash(build())


def test_options_are_a_copy():
    options = {"debug": "broker"}
    settings = build(kafka_options=options)
    options["group.id"] = "mine"
    assert settings.kafka_options == {"debug": "broker"}


def test_order_of_sources():
    conf = {"igwn_alert_group": "conf", "igwn_alert_port": 1, "igwn_alert_topics": ["conf"]}
    environ = {"IGWN_ALERT_GROUP": "environ"}
    settings = build(conf, environ, group="keyword", port=2)
    assert (settings.group, settings.port, settings.topics) == ("environ", 2, ("conf",))


def test_a_bad_value_is_refused_also_where_a_stronger_source_gives_that_setting():
    assert "(app.conf)" in refused({"igwn_alert_port": "x"}, port=9093)


@pytest.mark.parametrize("key", ["igwn_alert_group", "IGWN_ALERT_GROUP", "Igwn_Alert_Group"])
def test_conf_keys_in_any_case(key):
    assert build({key: "playground", "task_always_eager": True, 7: "not ours"}).group == (
        "playground"
    )


@pytest.mark.parametrize("namespace", ["CELERY", "CELERY_", "celery"])
def test_settings_namespace(namespace):
    conf = {"CELERY_IGWN_ALERT_GROUP": "playground"}
    assert build(conf, namespaces=(namespace,)).group == "playground"
    assert build(conf).group == "gracedb"


def test_what_celery_makes_of_a_namespace_and_of_a_later_change():
    class Source:
        CELERY_IGWN_ALERT_GROUP = "source"
        CELERY_IGWN_ALERT_PORT = 9093

    app = Celery("x", set_as_current=False)
    app.config_from_object(Source, namespace="CELERY")
    app.conf.igwn_alert_group = "changed"
    settings = IGWNAlert(app).settings
    assert (settings.group, settings.port) == ("changed", 9093)


SAMPLES = {
    "server": ("kafka://localhost:1234/", "kafka://localhost:1234/"),
    "port": (" 9093", 9093),
    "group": ("gracedb-playground ", "gracedb-playground"),
    "noauth": ("True", True),
    "username": ("scimma-1", "scimma-1"),
    "password": (" with spaces ", " with spaces "),
    "authfile": ("/etc/auth.toml", "/etc/auth.toml"),
    "netrc": ("~/.netrc", "~/.netrc"),
    "consumer_group": ("scimma-1-x", "scimma-1-x"),
    "topics": ("superevent, cbc_*,", ("superevent", "cbc_*")),
    "enabled": ("flag", "flag"),
    "start_at": ("1700000000", "1700000000"),
    "ignore_test": ("off", False),
    "max_bytes": ("1000", 1000),
    "offload_timeout_s": ("2.5", 2.5),
    "rewind_s": ("60", 60.0),
    "kafka_options": ('{"debug": "all", "socket.timeout.ms": 7}', None),
    "move_ledger": ("1", True),
    "dead_letter_max_count": ("5", 5),
    "dead_letter_max_bytes": ("6", 6),
    "state_dir": ("/var/lib/x", "/var/lib/x"),
    "task_broker_timeout_s": ("2.5", 2.5),
    "redelivery": ("0", False),
    "max_attempts": ("5", 5),
    "unknown_task_s": ("60", 60.0),
    "on_failure": ("shutdown", "shutdown"),
    "stuck_after_s": ("30", 30.0),
    "wire_format": ("object", "object"),
    "publish_queue": ("sends", "sends"),
    "publish_timeout_s": ("30", 30.0),
    "publish_retries": ("0", 0),
    "publish_backoff_s": ("10", 10.0),
}


def test_samples_cover_every_field():
    assert list(SAMPLES) == FIELDS


@pytest.mark.parametrize("name", FIELDS)
def test_environment_is_parsed(name):
    text, expected = SAMPLES[name]
    value = getattr(build(environ={f"IGWN_ALERT_{name.upper()}": text}), name)
    if expected is None:
        expected = {"debug": "all", "socket.timeout.ms": 7}
    assert value == expected
    assert isinstance(value, bool) == isinstance(expected, bool)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("1", True), ("yes", True), ("ON", True), ("0", False), ("No", False), ("false", False)],
)
def test_environment_bools(word, expected):
    assert build(environ={"IGWN_ALERT_NOAUTH": word}).noauth is expected
    assert build(environ={"IGWN_ALERT_ENABLED": word}).enabled is expected


def test_environment_that_is_not_ours_or_empty():
    environ = {
        "IGWN_ALERT_APP": "followup",
        "IGWN_ALERT_TEST_KAFKA": "localhost:9092",
        "IGWN_ALERT_PASSWORD": "",
        "HOME": "/home/x",
        "igwn_alert_group": "lower case is not ours",
    }
    assert build(environ=environ) == Settings()


@pytest.mark.parametrize(
    ("conf", "environ", "keywords", "expected"),
    [
        ({"igwn_alert_grup": "x"}, {}, {}, "did you mean igwn_alert_group?"),
        ({"IGWN_ALERT_GRUP": "x"}, {}, {}, "did you mean IGWN_ALERT_GROUP?"),
        ({}, {"IGWN_ALERT_GRUP": "x"}, {}, "did you mean IGWN_ALERT_GROUP?"),
        ({}, {}, {"grup": "x"}, "did you mean group?"),
        ({}, {}, {"igwn_alert_group": "x"}, "did you mean group? (keywords are written without"),
        ({"igwn_alert_zzzzzz": "x"}, {}, {}, "there are server, port, group"),
        ({"igwn_alert_": "x"}, {}, {}, "there is no such setting"),
    ],
)
def test_unknown_key(conf, environ, keywords, expected):
    text = refused(conf, environ, **keywords)
    assert expected in text
    assert "= 'x' (" in text
    given_key = next(iter({**conf, **environ, **keywords}))
    assert given_key in text


def test_unknown_key_under_a_namespace():
    text = refused({"CELERY_IGWN_ALERT_GRUP": "x"}, namespaces=("CELERY",))
    assert text.startswith("CELERY_IGWN_ALERT_GRUP = 'x' (app.conf): ")
    assert "did you mean CELERY_IGWN_ALERT_GROUP?" in text


@pytest.mark.parametrize("key", ["pasword", "passwd", "sasl_secret", "kafka_option", "token"])
def test_a_mistyped_secret_is_still_a_secret(key):
    text = refused({f"igwn_alert_{key}": SECRET})
    assert SECRET not in text
    assert f"igwn_alert_{key} = ********" in text


def test_the_source_is_named_with_its_own_spelling():
    assert refused({"igwn_alert_port": 0}) == (
        "igwn_alert_port = 0 (app.conf): give a whole number from 1 to 65535"
    )
    assert refused(port=0).startswith("igwn_alert_port = 0 (keyword): ")
    assert refused(environ={"IGWN_ALERT_PORT": "x"}).startswith(
        "IGWN_ALERT_PORT = 'x' (environment): "
    )
    with pytest.raises(SettingsError, match=r"igwn_alert_port = 0 \(argument\): "):
        Settings(port=0)


BAD = {
    "server": [None, 5, "", "kafka.scimma.org", "http://x/", "kafka://", "kafka://h:0/",
               "kafka://h:99999/", "kafka://h:x/", "kafka://a:1,b:2/", "kafka://h/topic",
               "kafka://h/?x=1", "kafka://h /", "kafka://[::1/"],
    "port": [None, True, "9092", 0, 65536, 9092.0],
    "group": [None, "", "a b", "gracedb/", "gracedb.", "gräcedb", "x\n", 5],
    "noauth": [None, 1, "true"],
    "username": ["", 5, "two\nlines", " "],
    "password": ["", 5, "two\nlines"],
    "authfile": ["", 5, b"x"],
    "netrc": ["", 5],
    "consumer_group": ["", "a/b", "a b", 5],
    "topics": ["superevent", None, [5], ["a b"], [""], {"superevent": 1}],
    "enabled": [1, 0, "yes", "Flag", 1.0, []],
    "start_at": [None, True, "now", "", "nan", float("inf"), -1, 1.7e12, "1700000000000", []],
    "ignore_test": [0, "no"],
    "max_bytes": [0, -1, 1.5, True, "1"],
    "offload_timeout_s": [0, -1, 12.1, float("nan"), "10", True, None],
    "rewind_s": [0, -1, float("nan"), float("inf"), "60", True],
    "kafka_options": [None, "debug=all", [("a", 1)], {1: 2}, {"debug": None}, {"debug": ["a"]},
                      {"error": print}],
    "move_ledger": ["yes", None],
    "dead_letter_max_count": [0, None, 2.0],
    "dead_letter_max_bytes": [0, None],
    "state_dir": ["", 5],
    "task_broker_timeout_s": [None, 0, 61, "5", float("nan")],
    "redelivery": [None, 1, "yes"],
    "max_attempts": [None, 0, 101, 1.5, True, "3"],
    "unknown_task_s": [None, 0, -1, 86_401, "600", float("nan"), True],
    "on_failure": [None, "Restart", "ignore", True],
    "stuck_after_s": [None, 0, 0.5, 3601, "45", float("nan"), True],
    "wire_format": [None, "json", "GraceDB", 1],
    "publish_queue": ["", 5],
    "publish_timeout_s": [None, 0, 4.9, 901, "60", float("nan"), True],
    "publish_retries": [None, -1, 1.5, True],
    "publish_backoff_s": [None, 0, 3601, float("inf")],
}  # fmt: skip


def test_bad_values_cover_every_field():
    assert list(BAD) == FIELDS


@pytest.mark.parametrize(("name", "value"), [(name, bad) for name in BAD for bad in BAD[name]])
def test_bad_value_is_refused_from_every_side(name, value):
    for text in (refused(**{name: value}), refused({f"igwn_alert_{name}": value})):
        assert text.startswith(f"igwn_alert_{name} = ")
        assert ": give " in text or ": leave " in text or "must be" in text or "no topic" in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "1.5"),
        ("noauth", "maybe"),
        ("rewind_s", "an hour"),
        ("kafka_options", "debug=all"),
        ("kafka_options", "[1]"),
        ("topics", "super event"),
        ("enabled", "sometimes"),
    ],
)
def test_environment_that_cannot_be_parsed(name, text):
    key = f"IGWN_ALERT_{name.upper()}"
    assert refused(environ={key: text}).startswith(f"{key} = ")


@given(
    name=st.sampled_from(FIELDS),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.lists(st.text()) | st.dictionaries(st.text(), st.integers()),
)  # fmt: skip
def test_any_value_is_taken_or_refused_in_one_line(name, value):
    settings, refusal = attempt({name: value}, {})
    if settings is None:
        assert len(refusal.splitlines()) == 1
        assert refusal.startswith(f"igwn_alert_{name} = ")
    else:
        assert settings == dataclasses.replace(settings)
        assert settings.bootstrap
        assert settings.start_at_ms is None or settings.start_at_ms >= 0


@given(
    name=st.sampled_from(FIELDS), text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
)
def test_any_environment_is_taken_or_refused_in_one_line(name, text):
    settings, refusal = attempt({}, {f"IGWN_ALERT_{name.upper()}": text})
    assert settings is not None or len(refusal.splitlines()) == 1


@pytest.mark.parametrize(
    ("server", "port", "bootstrap"),
    [
        ("kafka://localhost", 9093, "localhost:9093"),
        ("kafka://localhost/", 9093, "localhost:9093"),
        ("kafka://localhost:1234/", 9093, "localhost:1234"),
        ("kafka://[::1]:1234/", 9093, "[::1]:1234"),
        ("kafka://[::1]/", 9093, "[::1]:9093"),
    ],
)
def test_a_port_in_the_server_wins(server, port, bootstrap):
    assert build(server=server, port=port).bootstrap == bootstrap


@pytest.mark.parametrize(
    "server",
    [
        f"kafka://user:{SECRET}@kafka.scimma.org/",
        f"kafka://user:{SECRET}@host:99999/",
        f"user:{SECRET}@kafka.scimma.org",
        f"kafka://user:{SECRET}#@host/",
        f"kafka://user:{SECRET}@[::1/",
        f"kafka://host/?password={SECRET}",
        f"kafka://user:{SECRET}%40host/",
    ],
)
def test_a_credential_in_the_server_is_refused_and_not_repeated(server):
    with pytest.raises(SettingsError) as caught:
        build(environ={"IGWN_ALERT_SERVER": server})
    assert "IGWN_ALERT_SERVER = ******** (environment)" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    if "@" in server:
        assert "set igwn_alert_username" in str(caught.value)


@pytest.mark.parametrize("group", ["gracedb", "a.b"])
def test_topics_with_the_group_are_refused_with_the_correction(group):
    text = refused({"igwn_alert_topics": [f"{group}.cbc_*"]}, group=group)
    assert "(app.conf)" in text
    assert f"write 'cbc_*' instead of '{group}.cbc_*'" in text
    text = refused(environ={"IGWN_ALERT_TOPICS": f"{group}.superevent"}, group=group)
    assert "(environment)" in text
    with pytest.raises(SettingsError, match="write 'superevent'"):
        Settings(group=group, topics=(f"{group}.superevent",))


def test_topics_with_the_default_group_and_with_other_dots():
    assert "write 'superevent'" in refused(topics=["gracedb.superevent"])
    assert build(topics=["gracedb-test.x", "a.b", "a.b"]).topics == ("gracedb-test.x", "a.b")
    assert build(topics={"b", "a"}).topics == ("a", "b")
    assert "give a list: ['superevent']" in refused(topics="superevent")


def test_full_and_short_topic():
    settings = build(group="gracedb-playground")
    assert settings.topic_prefix == "gracedb-playground."
    assert settings.full_topic("superevent") == "gracedb-playground.superevent"
    assert settings.short_topic("gracedb-playground.superevent") == "superevent"
    assert settings.short_topic("gracedb-playground.a.b") == "a.b"
    assert settings.short_topic("gracedb.superevent") == "gracedb.superevent"


@pytest.mark.parametrize(
    ("start_at", "ms"),
    [
        ("latest", None),
        ("earliest", None),
        (0, 0),
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000.25, 1_700_000_000_250),
        ("1700000000.25", 1_700_000_000_250),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T22:13:20", 1_700_000_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
        ("2023-11-14", 1_699_920_000_000),
        (datetime(2023, 11, 14, 22, 13, 20), 1_700_000_000_000),  # noqa: DTZ001 - the case meant
        (datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc), 1_700_000_000_000),
        (
            datetime(2023, 11, 14, 23, 13, 20, tzinfo=timezone(timedelta(hours=1))),
            1_700_000_000_000,
        ),
    ],
)
def test_start_at(start_at, ms, monkeypatch):
    monkeypatch.setenv("TZ", "America/Chicago")
    assert build(start_at=start_at).start_at_ms == ms


@pytest.mark.parametrize(
    "key",
    [
        "bootstrap.servers",
        "metadata.broker.list",
        "group.id",
        "group.instance.id",
        "enable.auto.commit",
        "auto.commit.enable",
        "enable.auto.offset.store",
        "auto.offset.reset",
        "partition.assignment.strategy",
    ],
)
def test_options_that_the_bridge_owns(key):
    text = refused(kafka_options={"sasl.password": SECRET, key: "x"})
    assert text.startswith("igwn_alert_kafka_options = ******** (keyword): ")
    assert f"{key} is not yours to set: " in text
    assert SECRET not in text


def test_the_new_protocol_is_told_what_promise_goes():
    environ = {"IGWN_ALERT_KAFKA_OPTIONS": '{"group.protocol": "consumer"}'}
    text = refused(environ=environ)
    assert "takes over within 10 s, and that promise cannot be kept" in text
    assert build(kafka_options={"group.protocol": "classic"}).kafka_options == {
        "group.protocol": "classic"
    }


def test_options_pass_through():
    def error_cb(error):
        return error

    options = {"debug": "all", "socket.timeout.ms": 7, "enable.idempotence": True,
               "error_cb": error_cb}  # fmt: skip
    assert build(kafka_options=options).kafka_options == options


def test_paths_may_be_path_objects(tmp_path):
    settings = build(authfile=tmp_path / "auth.toml", netrc=Path("x"), state_dir=tmp_path)
    assert settings.authfile == str(tmp_path / "auth.toml")
    assert (settings.netrc, settings.state_dir) == ("x", str(tmp_path))


def test_secrets_are_never_shown():
    settings = build(username="me", password=SECRET, kafka_options={"sasl.password": SECRET})
    assert SECRET not in repr(settings)
    assert "me" in repr(settings)
    for keywords in ({"password": f"{SECRET}\n"}, {"kafka_options": {"a": [SECRET]}}):
        with pytest.raises(SettingsError) as caught:
            build(**keywords)
        shown = "".join(traceback.format_exception(caught.value))
        assert SECRET not in shown
        assert "********" in shown
    with pytest.raises(SettingsError) as caught:
        build(environ={"IGWN_ALERT_KAFKA_OPTIONS": f'{{"sasl.password": "{SECRET}"'})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None


def test_a_long_value_is_cut():
    text = refused(group="x " * 1000)
    assert len(text) < 300
    assert "..." in text


def test_the_error_survives_a_pickle():
    with pytest.raises(SettingsError) as caught:
        build(port=0)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_of_several_mappings_the_first_wins_and_comes_last():
    maps = [
        {"igwn_alert_group": 1},
        {"IGWN_ALERT_GROUP": 2, "x": 2},
        {"igwn_alert_group": 3, "x": 3},
    ]
    merged = newest_last(maps)
    assert list(merged.items()) == [("IGWN_ALERT_GROUP", 2), ("x", 2), ("igwn_alert_group", 1)]
