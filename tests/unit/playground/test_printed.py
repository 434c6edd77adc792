# SPDX-License-Identifier: BSD-3-Clause
"""What a handler prints is shown, and still goes to the log."""

import sys

from igwn_alert_celery.playground.printed import Printed


def test_only_what_is_printed_in_between_is_kept(capsys):
    before = sys.stdout
    printed = Printed()
    sys.stdout.write("before\n")
    printed.begin()
    sys.stdout.write("S1 3.2e-09\n")
    sys.stdout.flush()
    sys.stdout.write("more\n")
    assert printed.end() == "S1 3.2e-09\nmore"
    sys.stdout.write("after\n")
    assert sys.stdout is before
    printed.begin()
    assert printed.end() == ""
    assert capsys.readouterr().out == "before\nS1 3.2e-09\nmore\nafter\n"
