# SPDX-License-Identifier: BSD-3-Clause
import pytest

from igwn_alert_celery.cli.checks.check import Outcome, examine
from igwn_alert_celery.cli.checks.patient import Patient
from igwn_alert_celery.cli.doctor import CHECKS
from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.target import Target

SECRET = "hunter2"
FIRST = ("app", "settings", "file modes", "credential", "CA file")


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A home without credentials, and an environment without settings."""
    for name in ("XDG_CONFIG_HOME", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def auth_toml(home, more="", mode=0o600):
    entry = f'[[auth]]\nusername = "alice"\npassword = "{SECRET}"\n{more}'
    return write(home / ".config" / "hop" / "auth.toml", entry, mode)


def findings(**flags):
    given = [check for check in CHECKS if check.name in FIRST]
    found = {each.name: each for each in examine(Patient(Target(Flags(**flags))), given)}
    assert SECRET not in str(found)
    return found


def test_a_credential_is_named_by_file_and_entry(home):
    file = auth_toml(home, 'hostname = "kafka.scimma.org"\n')
    found = findings()
    assert found["settings"].text == "kafka.scimma.org:9092, topics gracedb.*"
    assert found["file modes"].text == f"{file} 0600"
    assert f"{file}, entry 'alice' for kafka.scimma.org" in found["credential"].text
    assert "SCRAM-SHA-512" in found["credential"].text
    assert "certificates in it" in found["CA file"].text
    assert found["app"].outcome is Outcome.SKIPPED


def test_a_credential_of_netrc_is_named(home):
    line = f"machine kafka.scimma.org login alice password {SECRET}"
    file = write(home / "mine", line)
    assert f"{file}, entry 'alice'" in findings(netrc=str(file))["credential"].text


def test_netrc_by_option_is_looked_into_alone(home):
    auth_toml(home, mode=0o644)
    line = f"machine kafka.scimma.org login bob password {SECRET}"
    found = findings(netrc=str(write(home / "mine", line)))
    assert found["file modes"].outcome is Outcome.OK
    assert "user 'bob'" in found["credential"].text


def test_a_credential_of_the_settings_is_named(home, monkeypatch):
    monkeypatch.setenv("IGWN_ALERT_USERNAME", "alice")
    monkeypatch.setenv("IGWN_ALERT_PASSWORD", SECRET)
    found = findings()
    assert found["file modes"].outcome is Outcome.SKIPPED
    assert "igwn_alert_username and igwn_alert_password" in found["credential"].text


def test_without_a_credential_nothing_is_missing_when_it_is_meant(home):
    found = findings(noauth=True)
    assert found["credential"].text == "none, as igwn_alert_noauth says"
    assert found["CA file"].outcome is Outcome.SKIPPED


def test_no_credential_is_a_failure(home):
    found = findings()
    assert found["file modes"].outcome is Outcome.SKIPPED
    assert found["credential"].outcome is Outcome.FAILED
    assert "run `hop auth add`" in found["credential"].remedy
    assert found["CA file"].text == "needs credential"


def test_a_file_that_others_may_read_is_a_failure(home):
    file = auth_toml(home, mode=0o644)
    found = findings()
    assert found["file modes"].outcome is Outcome.FAILED
    assert f"chmod 0600 {file}" in found["file modes"].remedy
    assert found["credential"].text == "needs file modes"


def test_a_broken_file_is_a_failure(home):
    write(home / ".config" / "hop" / "auth.toml", f"password = {SECRET}")
    finding = findings()["credential"]
    assert finding.outcome is Outcome.FAILED
    assert "no valid auth.toml" in finding.remedy


def test_a_setting_that_cannot_be_is_a_failure(home, monkeypatch):
    monkeypatch.setenv("IGWN_ALERT_PORT", "many")
    found = findings()
    assert found["settings"].outcome is Outcome.FAILED
    assert "IGWN_ALERT_PORT" in found["settings"].remedy
    assert found["credential"].text == "needs settings, file modes"


def test_an_app_that_does_not_exist_is_a_failure(home):
    found = findings(app="no_such_module_of_ours")
    assert found["app"].outcome is Outcome.FAILED
    assert "no module" in found["app"].remedy
    assert found["settings"].text == "needs app"


def test_the_authority_of_an_environment_that_is_gone_is_a_failure(home):
    file = auth_toml(home, 'ssl_ca_location = "/gone/venv/certifi/cacert.pem"\n')
    finding = findings()["CA file"]
    assert finding.outcome is Outcome.FAILED
    assert finding.text == "/gone/venv/certifi/cacert.pem does not exist"
    assert f"delete the line ssl_ca_location of this entry from {file}" in finding.remedy


def test_an_authority_that_is_none_is_a_failure(home):
    text = write(home / "ca.pem", "not a certificate")
    auth_toml(home, f'ssl_ca_location = "{text}"\n')
    finding = findings()["CA file"]
    assert finding.text == f"{text} holds no certificate in PEM form"


def test_an_authority_that_cannot_be_read_is_a_failure(home, monkeypatch):
    # root reads any file, so a folder in the place of a file of the path has to do.
    text = write(home / "ca.pem", "a file")
    options = f'{{"ssl.ca.location": "{text}/ca.pem"}}'
    monkeypatch.setenv("IGWN_ALERT_KAFKA_OPTIONS", options)
    auth_toml(home)
    finding = findings()["CA file"]
    assert finding.outcome is Outcome.FAILED
    assert "cannot be read (Not a directory)" in finding.text
    assert "ssl.ca.location in igwn_alert_kafka_options" in finding.remedy
