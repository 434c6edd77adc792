# SPDX-License-Identifier: BSD-3-Clause
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.xml_bound import check_xml

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DECLARED = {
    "billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><a>&l9;</a>',
    "laughs in an attribute": f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><a b="&l9;"/>',
    "quadratic": f'<!DOCTYPE a [<!ENTITY l "{"x" * 10_000}">]><a>{"&l;" * 10_000}</a>',
    "file": '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>',
    "network": '<!DOCTYPE a [<!ENTITY e SYSTEM "http://127.0.0.1/">]><a>&e;</a>',
    "network before the document": '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>',
    "network in a parameter": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]><a/>',
    "declared only": "<!DOCTYPE a><a/>",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", DECLARED)
def test_a_document_type_declaration_is_refused(name, encoding):
    began = time.thread_time()
    with pytest.raises(PoisonRecord) as caught:
        check_xml(DECLARED[name].encode(encoding))
    assert caught.value.reason == "undecodable"
    assert time.thread_time() - began < 1


def test_depth():
    check_xml(b"<a>" * 200 + b"</a>" * 200)
    check_xml(b"<r>" + b"<a></a>" * 1000 + b"</r>")
    for end in (b"</a>" * 201, b""):
        with pytest.raises(PoisonRecord) as caught:
            check_xml(b"<a>" * 201 + end)
        assert caught.value.reason == "too_deep"


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_anything_passes_or_is_poison(data):
    try:
        check_xml(data)
    except PoisonRecord as exc:
        assert exc.reason in {"undecodable", "too_deep"}
