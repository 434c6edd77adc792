# SPDX-License-Identifier: BSD-3-Clause
"""igwn-alert's own tests pass with our client in its place."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

STAND_IN = Path(__file__).with_name("stand_in")
ROOT = Path(__file__).parents[3]
# None is the default here, as the documentation of igwn-alert has it; there it is an error.
NONE_IS_AN_ERROR = ("server_inputs0", "server_inputs2")


def test_igwn_alerts_own_tests_pass(original, tmp_path):
    package = original.site_packages() / "igwn_alert"
    for name in ("conftest.py", "test_igwn_alert.py"):
        shutil.copy(package / "tests" / name, tmp_path)
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "ORIGINAL_IGWN_ALERT": str(package),
        "PYTHONPATH": f"{STAND_IN}{os.pathsep}{ROOT}",
    }
    environ.pop("XDG_CONFIG_HOME", None)
    environ.pop("NETRC", None)
    but = [
        f"--deselect=test_igwn_alert.py::test_for_bad_server_inputs_assertionerrors[{case}]"
        for case in NONE_IS_AN_ERROR
    ]
    plugins = ["-p", "without_texts", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir=.", *plugins, *but],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert re.search(r"^44 passed, 2 deselected", done.stdout, re.MULTILINE), done.stdout[-500:]
