# SPDX-License-Identifier: BSD-3-Clause
from igwn_alert_celery.redelivery.keys import Keys
from igwn_alert_celery.redelivery.whereabouts import marked


def test_what_is_sent_again_is_marked_and_the_original_is_not():
    message = {
        "body": "e30=",
        "headers": {"id": "a"},
        "properties": {"delivery_info": {"routing_key": "celery"}, "delivery_tag": "t"},
    }
    again = marked(message)
    assert again["headers"] == {"id": "a", "redelivered": True}
    assert again["properties"] == {
        "delivery_info": {"routing_key": "celery", "redelivered": True},
        "delivery_tag": "t",
    }
    assert again["body"] == message["body"]
    assert "redelivered" not in message["headers"]
    assert "redelivered" not in message["properties"]["delivery_info"]


def test_every_key_carries_the_prefix():
    keys, bare = Keys("app:"), Keys("")
    names = ["outstanding", "attempts", "workers", "popping", "sweeping", "dead_letters"]
    names += ["sweep", "suspects"]
    found = [getattr(keys, name) for name in names]
    found += [getattr(keys, name)("w") for name in ("running", "unacked", "unacked_index")]
    assert len(set(found)) == len(found)
    assert all(key.startswith("app:igwn_alert:") for key in found)
    assert bare.outstanding == "igwn_alert:outstanding"
