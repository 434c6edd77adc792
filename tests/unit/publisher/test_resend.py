# SPDX-License-Identifier: BSD-3-Clause
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.publisher.letters import unsent_letter
from igwn_alert_celery.publisher.parcel import Parcel
from igwn_alert_celery.publisher.resend import parcel_of
from igwn_alert_celery.publisher.shipment import Shipment

NAMES = st.text("abc_", min_size=1, max_size=5)


@given(
    st.binary(min_size=1),
    st.none() | st.binary(),
    st.lists(st.tuples(NAMES.filter(lambda n: n[0] != "_"), st.binary())),
    st.sampled_from(["json", "blob", "voevent"]),
    st.booleans(),
)
def test_it_gives_back_the_parcel_that_was_not_sent(value, key, headers, kind, test):
    parcel = Parcel(
        topics=("superevent",),
        many=False,
        content=value,
        format=kind,
        key=key,
        headers=tuple(headers),
        test=test,
    )
    (record,) = Shipment("task-id", [parcel]).pending("gracedb.", "me").values()
    letter = unsent_letter(record, "send_failed", "no answer", "igwn_alert.publish")
    assert parcel_of(DeadLetter.from_json(letter.to_json()), "superevent") == parcel
