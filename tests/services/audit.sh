#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Looks the installed dependencies up in the OSV database of known vulnerabilities.
# 0: none known; 1: some are; 2: nothing was looked up, because there is no network.
set -eu
cd "$(dirname "$0")/../.."
tool=.cache/audit
installed=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

unreached() {
    echo "make audit: $1 cannot be reached, so nothing was audited" >&2
    exit 2
}

# In an environment of its own: its dependencies are not ours.
if [ ! -x "$tool/bin/pip-audit" ]; then
    .venv/bin/python -m venv "$tool"
    "$tool/bin/python" -m pip install --quiet --disable-pip-version-check pip-audit ||
        unreached "the package index"
fi
"$tool/bin/python" -c 'import requests; requests.get("https://api.osv.dev/v1/vulns/PYSEC-0", timeout=15)' \
    2>/dev/null || unreached "api.osv.dev"
exec "$tool/bin/pip-audit" --vulnerability-service osv --path "$installed" --skip-editable \
    --progress-spinner off
