# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import os
import traceback
from contextlib import contextmanager

import pytest

from igwn_alert_celery.errors import CredentialError
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.settings import Settings

SECRET = "correct-horse-battery"
HOST = "kafka.scimma.org"
NOBODY = 65534


def write(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def entry(username="scimma-1", hostname=HOST, password=SECRET, **more):
    fields = {"username": username, "password": password, "hostname": hostname, **more}
    lines = [f'{key} = "{value}"' for key, value in fields.items() if value is not None]
    return "\n".join(["[[auth]]", *lines, ""])


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def environ(home):
    return {"HOME": str(home)}


@pytest.fixture
def auth_toml(home):
    return home / ".config" / "hop" / "auth.toml"


@pytest.fixture
def dot_netrc(home):
    return home / ".netrc"


@contextmanager
def as_a_user_without_rights():
    """Tests often run as root, who may read every file."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def chain(exc):
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def refused(environ, **settings):
    with pytest.raises(CredentialError) as caught:
        load_credential(Settings(**settings), environ)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert not any(SECRET in repr(exc) for exc in chain(caught.value))
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def who(credential):
    return credential.username, credential.password


# the order


def test_noauth_comes_first(environ, auth_toml):
    write(auth_toml, entry(), mode=0o644)
    settings = Settings(noauth=True, username="me", password=SECRET, authfile="/nowhere")
    assert load_credential(settings, environ) is None


def test_username_and_password_come_second(environ, auth_toml):
    write(auth_toml, entry("other"), mode=0o644)
    settings = Settings(username="me", password=SECRET, authfile="/nowhere")
    credential = load_credential(settings, environ)
    assert who(credential) == ("me", SECRET)
    config = credential()
    assert config["security.protocol"] == "SASL_SSL"
    assert config["sasl.mechanism"] == "SCRAM-SHA-512"


def test_authfile_comes_third(environ, auth_toml, tmp_path):
    write(auth_toml, entry("usual"))
    path = write(tmp_path / "mine.toml", entry("mine"))
    assert load_credential(Settings(authfile=str(path)), environ).username == "mine"


def test_auth_toml_comes_before_netrc(environ, auth_toml, dot_netrc):
    write(auth_toml, entry("toml"))
    write(dot_netrc, f"machine {HOST} login netrc password {SECRET}\n")
    assert load_credential(Settings(), environ).username == "toml"


def test_netrc_where_there_is_no_auth_toml(environ, dot_netrc):
    write(dot_netrc, f"machine {HOST} login netrc password {SECRET}\n")
    assert who(load_credential(Settings(), environ)) == ("netrc", SECRET)


def test_netrc_where_auth_toml_has_no_match(environ, auth_toml, dot_netrc):
    write(auth_toml, entry("toml", hostname="elsewhere.org"))
    write(dot_netrc, f"machine {HOST} login netrc password {SECRET}\n")
    assert load_credential(Settings(), environ).username == "netrc"


# auth.toml


def test_auth_toml_under_xdg_config_home(environ, tmp_path):
    write(tmp_path / "xdg" / "hop" / "auth.toml", entry("xdg"))
    environ["XDG_CONFIG_HOME"] = str(tmp_path / "xdg")
    assert load_credential(Settings(), environ).username == "xdg"


def test_authfile_below_home(environ, home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    write(home / "mine.toml", entry("mine"))
    assert load_credential(Settings(authfile="~/mine.toml"), environ).username == "mine"


def test_the_entry_of_this_server_is_taken(environ, auth_toml):
    write(auth_toml, entry("a", "elsewhere.org") + entry("b") + entry("c", f"{HOST}:9093"))
    assert load_credential(Settings(), environ).username == "b"
    assert load_credential(Settings(port=9093), environ).username == "c"
    server = "kafka://elsewhere.org:9092/"
    assert load_credential(Settings(server=server), environ).username == "a"


def test_an_entry_without_a_host_fits_every_server(environ, auth_toml):
    write(auth_toml, entry("any", hostname=None))
    assert load_credential(Settings(server="kafka://[::1]:9092/"), environ).username == "any"


def test_username_alone_selects_an_entry(environ, auth_toml):
    write(auth_toml, entry("a") + entry("b"))
    assert load_credential(Settings(username="b"), environ).username == "b"


def test_protocol_mechanism_and_token_endpoint_are_kept(environ, auth_toml):
    write(auth_toml, entry(protocol="SASL_PLAINTEXT", mechanism="SCRAM-SHA-256"))
    config = load_credential(Settings(), environ)()
    assert config["security.protocol"] == "SASL_PLAINTEXT"
    assert config["sasl.mechanism"] == "SCRAM-SHA-256"
    write(auth_toml, entry(token_endpoint="https://example.org/token"))
    assert load_credential(Settings(), environ).is_token


def test_a_token_command_needs_no_password(environ, auth_toml):
    write(auth_toml, entry(password="", token_command="get-token"))
    assert load_credential(Settings(), environ).token_command == "get-token"


def test_old_style_general_configuration(environ, auth_toml):
    old = write(auth_toml.with_name("config.toml"), entry("old").replace("[[auth]]", "[auth]"))
    assert load_credential(Settings(), environ).username == "old"
    old.chmod(0o644)
    assert f"chmod 0600 {old}" in refused(environ)
    write(old, "[config]\nfetch_external = true\n", mode=0o644)
    assert f"{auth_toml} does not exist" in refused(environ)


# netrc


@pytest.mark.parametrize("machine", ["kafka://kafka.scimma.org/", f"{HOST}:9092", HOST])
def test_netrc_by_url_and_by_host(environ, dot_netrc, machine):
    write(
        dot_netrc,
        f"default login default password x\nmachine {machine} login me password {SECRET}\n",
    )
    assert who(load_credential(Settings(), environ)) == ("me", SECRET)


def test_netrc_default_entry(environ, dot_netrc):
    write(dot_netrc, f"default login default password {SECRET}\n")
    assert load_credential(Settings(), environ).username == "default"


def test_netrc_from_the_setting_before_the_environment(environ, tmp_path):
    one = write(tmp_path / "one", f"machine {HOST} login one password {SECRET}\n")
    two = write(tmp_path / "two", f"machine {HOST} login two password {SECRET}\n")
    environ["NETRC"] = str(one)
    assert load_credential(Settings(), environ).username == "one"
    assert load_credential(Settings(netrc=str(two)), environ).username == "two"


def test_username_alone_selects_in_netrc_too(environ, dot_netrc):
    write(dot_netrc, f"machine {HOST} login me password {SECRET}\n")
    assert load_credential(Settings(username="me"), environ).username == "me"
    assert f"{dot_netrc} has no entry for it" in refused(environ, username="you")


# refusals


def test_nothing_found(environ, auth_toml, dot_netrc):
    text = refused(environ)
    assert text.startswith(f"no credential for {HOST}:9092 (")
    assert f"{auth_toml} does not exist" in text
    assert f"{dot_netrc} does not exist" in text
    assert "`hop auth add`" in text
    assert "igwn_alert_noauth=True" in text


def test_no_entry_for_this_server(environ, auth_toml):
    write(auth_toml, entry(hostname="elsewhere.org"))
    assert f"{auth_toml} has no entry for it" in refused(environ)


def test_dev_null_as_netrc_means_no_netrc(environ):
    environ["NETRC"] = os.devnull
    assert f"{os.devnull} has no entry for it" in refused(environ)


def test_username_without_password(environ, auth_toml):
    text = refused(environ, username="me")
    assert "with username 'me'" in text
    assert "igwn_alert_username without igwn_alert_password only selects an entry" in text
    assert "set igwn_alert_username and igwn_alert_password" in text
    write(auth_toml, entry("other"))
    assert "with username 'me'" in refused(environ, username="me")


def test_password_without_username(environ, auth_toml):
    write(auth_toml, entry())
    text = refused(environ, password=SECRET)
    assert text.startswith("igwn_alert_password is set without igwn_alert_username")


def test_authfile_without_an_entry_for_this_server(environ, auth_toml, tmp_path):
    write(auth_toml, entry("usual"))
    path = write(tmp_path / "mine.toml", entry(hostname="elsewhere.org"))
    assert f"{path} has no entry for it" in refused(environ, authfile=str(path))


@pytest.mark.parametrize("name", ["authfile", "netrc"])
def test_a_named_file_that_does_not_exist(environ, tmp_path, name):
    path = tmp_path / "absent"
    assert refused(environ, **{name: str(path)}) == f"igwn_alert_{name}: {path} does not exist"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o4600])
def test_a_file_that_others_may_read(environ, auth_toml, tmp_path, mode):
    write(auth_toml, entry(), mode)
    text = refused(environ)
    assert f"{auth_toml} has mode {mode:04o}" in text
    assert f"chmod 0600 {auth_toml}" in text
    path = write(tmp_path / "mine.toml", entry(), mode)
    assert f"chmod 0600 {path}" in refused(environ, authfile=str(path))


def test_a_netrc_that_others_may_read(environ, dot_netrc):
    write(dot_netrc, f"machine {HOST} login me password {SECRET}\n", mode=0o644)
    assert f"chmod 0600 {dot_netrc}" in refused(environ)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_modes_that_are_fine(environ, auth_toml, mode):
    write(auth_toml, entry(), mode)
    assert load_credential(Settings(), environ).password == SECRET


def test_a_file_that_we_may_not_read(environ, auth_toml, dot_netrc, tmp_path):
    for path, settings in (
        (auth_toml, {}),
        (tmp_path / "mine.toml", {"authfile": str(tmp_path / "mine.toml")}),
        (tmp_path / "netrc", {"netrc": str(tmp_path / "netrc")}),
    ):
        write(path, entry(), mode=0o000)
        with as_a_user_without_rights():
            text = refused(environ, **settings)
        assert "cannot be read (Permission denied)" in text
        assert "with mode 0600" in text
        path.chmod(0o600)
        path.unlink()


def test_a_folder_in_place_of_the_file(environ, auth_toml):
    auth_toml.mkdir(parents=True, mode=0o700)
    assert f"{auth_toml} cannot be read (Is a directory)" in refused(environ)


def test_two_credentials_match(environ, auth_toml):
    write(auth_toml, entry("a") + entry("b") + entry("c", "elsewhere.org"))
    text = refused(environ)
    assert text.startswith(f"several credentials match {HOST}:9092 in {auth_toml}")
    assert "setting igwn_alert_username (there are a, b)" in text


def test_two_entries_of_one_user_match(environ, auth_toml):
    write(auth_toml, entry("a") + entry("a", password="x") + entry("c", "elsewhere.org"))
    for settings in ({}, {"username": "a"}):
        text = refused(environ, **settings)
        assert f"several entries of {auth_toml} match" in text
        assert "remove all but one" in text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f'[[auth]]\nusername = "me"\npassword = "{SECRET}\n', "line 3"),
        (f"password {SECRET}", "line 1"),
        (f'[[auth]]\npassword = "{SECRET}"\n', "missing auth property 'username'"),
        ('[[auth]]\nusername = "me"\n', "missing auth property 'password'"),
        (f'[config]\npassword = "{SECRET}"\n', "no auth section"),
        (entry(mechanism=SECRET), "hop cannot read it"),
        (f'auth = "{SECRET}"\n', "hop cannot read it"),
    ],
)
def test_a_broken_auth_toml_does_not_fall_through_to_netrc(
    environ, auth_toml, dot_netrc, content, expected
):
    write(auth_toml, content)
    write(dot_netrc, f"machine {HOST} login netrc password {SECRET}\n")
    text = refused(environ)
    assert text.startswith(f"{auth_toml} is no valid auth.toml ({expected})")
    assert "`hop auth add`" in text


def test_an_auth_toml_that_is_no_text(environ, auth_toml):
    write(auth_toml, "")
    auth_toml.write_bytes(b"\xff\xfe" + SECRET.encode())
    assert "is no valid auth.toml (hop cannot read it)" in refused(environ)


def test_an_entry_without_a_password(environ, auth_toml):
    write(auth_toml, entry("me", password=""))
    text = refused(environ)
    assert text.startswith(f"{auth_toml} has username 'me' without a password")
    assert "set igwn_alert_username and igwn_alert_password" in text


def test_a_netrc_entry_without_a_password(environ, dot_netrc):
    write(dot_netrc, f'machine {HOST} login me password ""\n')
    assert "has username 'me' without a password" in refused(environ)


def test_a_broken_netrc(environ, dot_netrc):
    write(dot_netrc, f"machine {HOST}\nlogin me\n{SECRET} x\n")
    text = refused(environ)
    assert text.startswith(f"{dot_netrc} is no valid netrc file (line ")
    dot_netrc.write_bytes(b"machine \xff\xfe")
    assert "(not UTF-8)" in refused(environ)
