#!/bin/sh
# Sees to it that the tests find a PostgreSQL server to start: on PATH, under
# /usr/lib/postgresql, or installed now where we are root on Debian or Ubuntu.
# Never fails: without one, the tests of the PostgreSQL half are skipped.
set -eu

say() { echo "postgres: $*" >&2; }

installed() {
    command -v initdb >/dev/null 2>&1 && return
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return
    done
    return 1
}

install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    say "installing Debian's postgresql for the tests"
    # The package would start a server of its own on the usual port; the tests
    # start theirs on a free one.
    no_server=/etc/postgresql-common/createcluster.d/chaosday-tests.conf
    mkdir -p "$(dirname "$no_server")"
    echo "create_main_cluster = false" >"$no_server"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    {
        apt-get -q update && apt-get -q install -y --no-install-recommends postgresql
    } </dev/null >/tmp/chaosday-postgres.log 2>&1 || say "apt-get failed, see /tmp/chaosday-postgres.log"
    rm -f "$no_server"
    installed
}

if ! installed && ! install; then
    say "no PostgreSQL server here, so its half of the storage tests will not run (Debian, Ubuntu: apt-get install postgresql)"
fi
