# SPDX-License-Identifier: BSD-3-Clause
import pytest
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import CredentialRefused, KafkaRefused, KafkaUnavailable
from igwn_alert_celery.kafka.refusals import Refusals, explaining

SECRET = "hunter2"
CONFIG = {
    "bootstrap.servers": "kafka.example:9092",
    "sasl.username": "alice",
    "sasl.password": SECRET,
    "group.id": "bobs",
}
LOGIN = KafkaError(
    KafkaError._AUTHENTICATION,
    "sasl_ssl://kafka.example:9092/bootstrap: SASL authentication error: invalid credentials "
    "(after 318ms in state AUTH_REQ)",
)
TLS = KafkaError(KafkaError._SSL, "sasl_ssl://kafka.example:9092/1: certificate verify failed")
NO_TLS = KafkaError(
    KafkaError._TRANSPORT, "SSL handshake failed: connecting to a PLAINTEXT broker?"
)
CLOSED = KafkaError(
    KafkaError._TRANSPORT, "kafka.example:9092/1: Disconnected: SSL connection closed by peer"
)
GROUP = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)
GONE = KafkaError(
    KafkaError._TRANSPORT, "kafka.example:9092/bootstrap: Connection refused (after 0ms in state X)"
)
ALL_GONE = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (LOGIN, CredentialRefused, "does not accept the credential of user 'alice' (SASL auth"),
        (TLS, KafkaRefused, "no secure connection to Kafka at kafka.example:9092"),
        (NO_TLS, KafkaRefused, "does not answer by TLS"),
        (GROUP, KafkaRefused, "let it begin with 'alice-'"),
    ],
    ids=["login", "TLS", "no TLS", "group"],
)
def test_what_somebody_has_to_mend_is_raised_once(error, kind, said):
    refusals = Refusals(CONFIG)
    for each in (error, ALL_GONE, error):
        refusals(each)
    with pytest.raises(kind) as raised:
        refusals.check()
    assert said in str(raised.value)
    assert SECRET not in f"{raised.value!r}"
    refusals.check()
    assert refusals.take() == []


@pytest.mark.parametrize("errors", [[NO_TLS], [NO_TLS, GONE], [GONE, NO_TLS, NO_TLS]])
def test_a_server_that_stops_within_a_handshake_refuses_nothing(errors):
    refusals = Refusals(CONFIG)
    for each in (*errors, ALL_GONE):
        refusals(each)
    refusals.check()  # raises where it takes them for a refusal
    assert refusals.last in errors[-1].str()
    assert refusals.take() == []


def test_a_port_without_tls_may_also_just_close():
    refusals = Refusals(CONFIG)
    for each in (NO_TLS, CLOSED, NO_TLS, ALL_GONE):
        refusals(each)
    with pytest.raises(KafkaRefused, match="does not answer by TLS"):
        refusals.check()


def test_a_refusal_beside_a_broker_that_is_away_counts():
    refusals = Refusals(CONFIG)
    for each in (GONE, LOGIN, ALL_GONE):
        refusals(each)
    with pytest.raises(CredentialRefused):
        refusals.check()


def test_the_same_refusal_reads_the_same_each_time():
    texts = set()
    for ms in (318, 325):
        refusals = Refusals(CONFIG)
        refusals(KafkaError(LOGIN.code(), LOGIN.str().replace("318", str(ms))))
        with pytest.raises(CredentialRefused) as raised:
            refusals.check()
        texts.add(str(raised.value))
    assert len(texts) == 1


def test_what_mends_itself_is_only_remembered():
    refusals = Refusals(CONFIG)
    refusals(GONE)
    refusals(ALL_GONE)
    refusals.check()
    assert refusals.last == "Connection refused"


def test_a_callback_of_the_user_is_told_as_well():
    told = []
    refusals = Refusals({**CONFIG, "error_cb": told.append})
    refusals(GONE)
    refusals.note(GROUP)
    assert told == [GONE]


def test_a_broker_that_is_away_for_long_takes_no_memory():
    refusals = Refusals(CONFIG)
    for _ in range(1000):
        refusals(GONE)
    assert len(refusals.take()) == 100


class Message:
    def __init__(self, error):
        self._error = error

    def error(self):
        return self._error


class Consumer:
    """Tells its callback and gives a message, when it is polled."""

    def __init__(self, refusals, *errors, message=None):
        self._refusals, self._errors, self._message = refusals, errors, message

    def poll(self, _timeout_s):
        for error in self._errors:
            self._refusals(error)
        return self._message


@pytest.mark.parametrize(
    ("told", "message", "kind", "said"),
    [
        ([LOGIN], None, CredentialRefused, "does not accept"),
        ([], Message(GROUP), KafkaRefused, "consumer group 'bobs'"),
        ([GONE], None, KafkaUnavailable, "asking: timed out (Connection refused)"),
        ([], Message(None), KafkaUnavailable, "asking: timed out"),
    ],
)
def test_a_question_without_an_answer_raises_the_reason(told, message, kind, said):
    refusals = Refusals(CONFIG)
    with (
        pytest.raises(kind) as raised,
        explaining(Consumer(refusals, *told, message=message), refusals),
    ):
        raise KafkaUnavailable("asking: timed out")
    assert said in str(raised.value)
