#!/bin/sh
# Writes locks/*.txt anew from pyproject.toml: every package with its hashes, for
# every platform, without the address that it came from.
#
# Releases younger than a week are left alone: most bad ones are found by then.
# `COOLDOWN="0 days" make lock` takes them all the same.
set -eu
cd "$(dirname "$0")/.."

uv=.venv/bin/uv
cooldown="${COOLDOWN:-7 days}"

# lock NAME PURPOSE [uv options ...]
lock() {
    name="$1"
    purpose="$2"
    shift 2
    "$uv" pip compile --quiet --no-config --universal --python-version 3.11 \
        --generate-hashes --no-header --exclude-newer "$cooldown" \
        "$@" --output-file "locks/$name.txt" >/dev/null
    {
        echo "# $purpose"
        echo "# Written by \"make lock\" from pyproject.toml; not edited by hand."
        cat "locks/$name.txt"
    } >"locks/$name.new"
    mv "locks/$name.new" "locks/$name.txt"
    echo "locks/$name.txt: $(grep -c '==' "locks/$name.txt") packages"
}

mkdir -p locks
lock bootstrap "What pip installs first: uv, which installs the rest, and the build backend." --upgrade --group bootstrap
lock runtime "What Chaos Day needs to run; the container image installs this." \
    --upgrade pyproject.toml
lock dev "What Chaos Day needs to run, to be tested and to be checked." \
    --upgrade --constraint locks/bootstrap.txt --constraint locks/runtime.txt \
    pyproject.toml --group dev
