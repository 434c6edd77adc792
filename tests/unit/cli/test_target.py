# SPDX-License-Identifier: BSD-3-Clause
import click
import pytest

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.cli import target as target_module
from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.errors import ConfigError, CredentialError, SettingsError
from tests.unit.apps import new_app

SECRET = "hunter2-not-shown"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture
def toml(tmp_path):
    text = "".join(
        f'[[auth]]\nusername = "{name}"\npassword = "{SECRET}"\nhostname = "kafka.scimma.org"\n'
        for name in ("alice", "bob")
    )
    return write(tmp_path / "config" / "hop" / "auth.toml", text)


def test_the_environment_counts_below_the_flags(monkeypatch):
    monkeypatch.setenv("IGWN_ALERT_GROUP", "from-environment")
    monkeypatch.setenv("IGWN_ALERT_MAX_BYTES", "1234")
    assert Target(Flags()).settings.group == "from-environment"
    settings = Target(Flags(group="from-flag")).settings
    assert (settings.group, settings.max_bytes) == ("from-flag", 1234)


@pytest.mark.parametrize(
    ("flags", "bootstrap"),
    [
        (Flags(), "localhost:9999"),
        (Flags(port=9093), "localhost:9093"),
        (Flags(server="kafka://other/"), "other:9092"),
        (Flags(server="kafka://other/", port=9093), "other:9093"),
        (Flags(server="kafka://other:9093/", port=9093), "other:9093"),
    ],
)
def test_the_port_counts_above_the_environments_server(monkeypatch, flags, bootstrap):
    monkeypatch.setenv("IGWN_ALERT_SERVER", "kafka://localhost:9999/")
    assert Target(flags).settings.bootstrap == bootstrap


def test_two_ports_are_a_contradiction():
    with pytest.raises(click.UsageError, match="port 9999, -p/--port 9093"):
        _ = Target(Flags(server="kafka://localhost:9999/", port=9093)).settings


@pytest.mark.parametrize(
    ("flags", "spelled"),
    [
        (Flags(server="localhost"), "-s/--server = 'localhost': give a URL"),
        (Flags(group="gracedb."), "-g/--group = 'gracedb.': leave the dot"),
        (Flags(port=0), "-p/--port = 0: "),
        (Flags(username=" "), "-u/--username = ' ': "),
    ],
)
def test_a_wrong_flag_is_named_as_it_was_written(flags, spelled):
    with pytest.raises(SettingsError) as caught:
        _ = Target(flags).settings
    assert str(caught.value).startswith(spelled)


def test_a_credential_in_the_server_is_refused_and_not_shown():
    with pytest.raises(SettingsError) as caught:
        _ = Target(Flags(server=f"kafka://joe:{SECRET}@host/")).settings
    assert SECRET not in str(caught.value)


def test_a_username_alone_selects_its_entry(toml):
    assert Target(Flags(username="bob")).username == "bob"
    with pytest.raises(CredentialError, match="igwn_alert_username"):
        _ = Target(Flags()).credential


def test_a_username_does_not_take_the_environments_password(monkeypatch, toml):
    monkeypatch.setenv("IGWN_ALERT_USERNAME", "carol")
    monkeypatch.setenv("IGWN_ALERT_PASSWORD", "carols")
    monkeypatch.setenv("IGWN_ALERT_NOAUTH", "1")
    assert Target(Flags()).credential is None
    found = Target(Flags(username="alice")).credential
    assert (found.username, found.password) == ("alice", SECRET)
    assert Target(Flags(username="carol")).credential.password == "carols"


def test_a_username_that_no_file_has_is_an_error(toml):
    with pytest.raises(CredentialError, match="'dave'"):
        _ = Target(Flags(username="dave")).credential


def test_on_a_terminal_the_password_of_a_user_is_asked_for(toml, monkeypatch):
    monkeypatch.setattr(target_module, "can_ask", lambda: True)
    asked = []

    def prompt(text, **options):
        asked.append((text, options))
        return "typed-in"

    monkeypatch.setattr(target_module.click, "prompt", prompt)
    target = Target(Flags(username="dave"))
    assert target.credential.password == "typed-in"
    assert target.username == "dave"
    options = {"hide_input": True, "err": True}
    assert asked == [("Password of dave for kafka.scimma.org:9092", options)]
    assert "typed-in" not in repr(target.settings)


def test_a_netrc_that_is_named_comes_before_auth_toml(tmp_path, toml, monkeypatch):
    netrc = write(tmp_path / "mine", f"machine kafka.scimma.org login erin password {SECRET}\n")
    assert Target(Flags(netrc=str(netrc))).username == "erin"
    monkeypatch.setenv("IGWN_ALERT_USERNAME", "carol")
    monkeypatch.setenv("IGWN_ALERT_PASSWORD", "carols")
    assert Target(Flags(netrc=str(netrc))).username == "erin"
    with pytest.raises(CredentialError, match="mine has no entry"):
        _ = Target(Flags(netrc=str(netrc), server="kafka://other/")).credential
    with pytest.raises(CredentialError, match="mine has no entry"):
        _ = Target(Flags(netrc=str(netrc), username="bob")).credential


def test_no_credential_at_all_is_told_once_and_gone_on_without(capsys):
    target = Target(Flags())
    assert target.credential is None
    assert target.credential is None
    error = capsys.readouterr().err
    assert error.startswith("going on without a credential: no credential for kafka.scimma.org")
    assert error.count("\n") == 1
    assert target.place == "kafka.scimma.org:9092 without a credential"


def test_a_file_that_others_may_read_is_an_error(toml):
    toml.chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 0600"):
        _ = Target(Flags(username="bob")).credential


def target_of_app(flags=None, **settings):
    app = new_app()
    IGWNAlert(app, **settings)
    given = flags or Flags()
    given.app = app
    return Target(given)


def test_with_an_app_its_settings_are_the_defaults():
    target = target_of_app(group="gracedb-test", server="kafka://localhost:9999/", noauth=True)
    assert target.settings is target.bridge.settings
    assert target.place == "localhost:9999 without a credential"


@pytest.mark.parametrize(
    "flags",
    [
        Flags(group="gracedb-test"),
        Flags(server="kafka://localhost:9999/"),
        Flags(server="kafka://localhost/", port=9999),
        Flags(port=9999),
        Flags(noauth=True),
    ],
)
def test_flags_that_say_the_same_as_the_app_are_welcome(flags):
    target = target_of_app(
        flags, group="gracedb-test", server="kafka://localhost:9999/", noauth=True
    )
    assert target.settings.group == "gracedb-test"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (Flags(group="gracedb"), "-g/--group says 'gracedb', but the app of -A has 'gracedb-test'"),
        (Flags(server="kafka://other/"), "-s/--server says 'other:9092', but"),
        (Flags(port=9093), "-p/--port says 'localhost:9093', but"),
        (Flags(noauth=True), "--no-auth says True, but"),
        (Flags(username="bob"), "-u/--username says 'bob', but the app of -A has 'alice'"),
        (Flags(netrc="mine"), "-n/--netrc says 'mine', but"),
    ],
)
def test_flags_that_contradict_the_app_are_an_error(flags, said):
    target = target_of_app(
        flags,
        group="gracedb-test",
        server="kafka://localhost:9999/",
        username="alice",
        password=SECRET,
    )
    with pytest.raises(click.UsageError) as caught:
        _ = target.settings
    assert caught.value.format_message().startswith(said)
    assert SECRET not in caught.value.format_message()


def test_the_user_that_the_app_finds_in_a_file_may_be_named(tmp_path):
    text = f'[[auth]]\nusername = "bob"\npassword = "{SECRET}"\nhostname = "kafka.scimma.org"\n'
    write(tmp_path / "config" / "hop" / "auth.toml", text)
    assert target_of_app(Flags(username="bob")).username == "bob"
    with pytest.raises(click.UsageError, match="has 'bob'"):
        _ = target_of_app(Flags(username="alice")).settings


def test_with_an_app_no_credential_is_an_error():
    with pytest.raises(CredentialError, match="no credential"):
        _ = target_of_app().credential


def test_an_app_without_an_igwnalert_is_an_error():
    with pytest.raises(ConfigError, match="has no IGWNAlert"):
        _ = Target(Flags(app=new_app())).bridge
