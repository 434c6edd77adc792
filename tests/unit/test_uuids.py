# SPDX-License-Identifier: BSD-3-Clause
import uuid

from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.uuids import uuid5, uuid_text


@given(st.uuids(), st.text(st.characters(exclude_categories=["Cs"])))
def test_they_are_pythons_own(namespace, name):
    wanted = uuid.uuid5(namespace, name)
    assert uuid5(namespace, name) == wanted.bytes
    assert uuid_text(wanted.bytes) == str(wanted)
