# SPDX-License-Identifier: BSD-3-Clause
import time

from igwn_alert_celery.kafka.silence import Silence


def test_it_lasts_from_the_first_question_in_vain_to_the_end_of_the_last():
    silence = Silence()
    began = time.monotonic() - 10.0
    silence.asked_in_vain(began)
    assert silence.seconds >= 10.0
    silence.asked_in_vain(time.monotonic())
    assert silence.seconds >= 10.0
    before = silence.seconds
    assert silence.seconds == before, "nobody asks"
    silence.answered()
    assert silence.seconds == 0.0
    silence.asked_in_vain(time.monotonic())
    assert silence.seconds < 10.0
