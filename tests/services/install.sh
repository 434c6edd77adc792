#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs the services that the tests start themselves, where that is possible without asking.
set -eu
PATH="$PATH:/usr/sbin:/usr/local/sbin"

# The real igwn-alert, in an environment of its own; says so itself when it cannot be had.
[ ! -x .venv/bin/python ] || .venv/bin/python -m tests.services.igwn_alert

missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
[ -n "${IGWN_ALERT_TEST_REDIS:-}" ] || need redis-server redis-server
[ -n "${IGWN_ALERT_TEST_AMQP:-}" ] || need rabbitmq-server rabbitmq-server
[ -n "${IGWN_ALERT_TEST_KAFKA:-}" ] || { need java default-jre-headless; need mvn maven; need openssl openssl; }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of package names
    exec apt-get install -qq -y --no-install-recommends $missing
fi
echo "Not installed:$missing. Install them for the whole test suite" \
    "(on Debian: sudo apt-get install$missing); without them their tests skip." >&2
