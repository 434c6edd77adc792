# SPDX-License-Identifier: BSD-3-Clause
import pytest
from hop.auth import Auth

from igwn_alert_celery import client
from igwn_alert_celery.errors import CredentialError

TOML = '[[auth]]\nusername = "of-toml"\npassword = "secret-1"\n'
NETRC = "machine kafka.scimma.org login of-netrc password secret-2\n"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_given_credential_comes_first(home):
    write(home / ".config/hop/auth.toml", TOML)
    given = Auth("given", "secret-3")
    made = client(auth=given, username="u", password="p", noauth=True)
    assert made.auth_obj is given
    assert made.auth == [given]


@pytest.mark.parametrize("options", [{"noauth": True}, {"auth": False}])
def test_none_at_all(home, options):
    write(home / ".config/hop/auth.toml", TOML)
    made = client(**options)
    assert made.auth is None
    assert made.auth_obj is False


def test_username_and_password_come_before_files(home):
    write(home / ".config/hop/auth.toml", TOML)
    made = client("me", "secret-4", authfile="not-there")
    assert (made.auth_obj.username, made.auth_obj.password) == ("me", "secret-4")


@pytest.mark.parametrize("half", [{"username": "me"}, {"password": "secret-5"}])
def test_half_a_credential_is_refused(half):
    with pytest.raises(RuntimeError, match="both") as caught:
        client(**half)
    assert isinstance(caught.value, CredentialError)
    assert "secret-5" not in str(caught.value)


def test_an_authfile_comes_before_the_usual_one(home):
    write(home / ".config/hop/auth.toml", TOML)
    file = write(home / "other.toml", TOML.replace("of-toml", "of-other"))
    made = client(authfile=file)
    assert [entry.username for entry in made.auth_obj] == ["of-other"]
    assert [entry.username for entry in made.auth] == ["of-other"]


def test_auth_toml_comes_before_netrc(home):
    write(home / ".netrc", NETRC)
    write(home / ".config/hop/auth.toml", TOML)
    assert [entry.username for entry in client().auth_obj] == ["of-toml"]
    assert [entry.username for entry in client(auth=True).auth_obj] == ["of-toml"]


def test_netrc_comes_last(home):
    write(home / ".netrc", NETRC)
    assert client().auth_obj.username == "of-netrc"


def test_nothing_is_a_warning_and_no_credential():
    with pytest.warns(UserWarning, match="going on without a credential"):
        made = client()
    assert made.auth_obj is False
    assert made.auth is None


def test_an_authfile_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError) as caught:
        client(authfile="not-there.toml")
    assert isinstance(caught.value, CredentialError)


def test_an_authfile_that_others_may_read_is_an_error(home):
    with pytest.raises(RuntimeError, match="chmod 0600"):
        client(authfile=write(home / "open.toml", TOML, 0o644))


def test_the_environment_of_an_app_does_not_count(monkeypatch):
    monkeypatch.setenv("IGWN_ALERT_GROUP", "of-the-app")
    monkeypatch.setenv("IGWN_ALERT_CONSUMER_GROUP", "of-the-app")
    monkeypatch.setenv("IGWN_ALERT_SERVER", "kafka://of-the-app/")
    made = client(noauth=True)
    assert made.base_url_prefix == "kafka://kafka.scimma.org:9092/gracedb"
    assert made.consumer_group is None


def test_no_secret_is_shown(home):
    made = client("me", "secret-6")
    assert "secret-6" not in repr(made) + str(made) + repr(made.auth_obj) + repr(vars(made))
