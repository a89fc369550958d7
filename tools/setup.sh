#!/bin/sh
# Makes .venv with what the lock names and the project itself, then says so in
# .venv/.ready. The Makefile calls it when one of its inputs is newer than that.
#
# PYTHON=/path/to/python chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }

# suits PYTHON: is it 3.11 or later?
suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    asked="${PYTHON:-python3}"
    say "Chaos Day needs Python 3.11 or later, and $asked is $(
        "$asked" --version 2>/dev/null || echo "not there"
    ). Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 ..."
    exit 1
}

# A virtual environment keeps absolute paths, so one that came here by copying or
# moving the folder is made anew.
stands_here() {
    grep -qs "^command = .* $PWD/.venv\$" .venv/pyvenv.cfg && suits .venv/bin/python
}

make_venv() {
    python="$(find_python)"
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        say "$("$python" --version) has no venv module. Install it (Debian, Ubuntu: apt-get install python3-venv) and try again."
        exit 1
    fi
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

install_all() {
    say "installing what locks/dev.txt names"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes --requirement locks/bootstrap.txt &&
        .venv/bin/uv pip install --quiet --python .venv/bin/python \
            --require-hashes --requirement locks/dev.txt &&
        .venv/bin/uv pip install --quiet --python .venv/bin/python \
            --no-deps --no-build-isolation --editable .
}

# A runner writes no bytecode: what it imports would be compiled anew for every run, in 2 s.
compile_for_runners() {
    .venv/bin/python -s -P -c 'import chaosk8s.deployment.actions, chaosk8s.pod.actions
import experiments.actions.images, experiments.actions.services
import orchestrator.adapters.chaostoolkit.runner.playing'
}

stands_here || make_venv
if ! install_all || ! compile_for_runners; then
    say "the installation failed; the lines above say why. It needs a Python package index: check the network and the proxy settings, then try again."
    exit 1
fi
touch .venv/.ready
