#!/bin/sh
# Finds a Python 3.11 to 3.13 and lets it set the checkout up: see setup.py.
# PYTHON=... names one; otherwise the one that made .venv is kept, so that .venv stays until something changes.
set -eu
cd "${0%/*}/.."

# Version managers put names on PATH that fail when they are run: only a run tells.
# Debian and Ubuntu ship Python without ensurepip, which .venv needs.
usable='
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13): sys.exit(1)
import ensurepip, venv
print(getattr(sys, "_base_executable", "") or sys.executable)
'

for candidate in "${PYTHON:-.venv/bin/python}" python3.13 python3.12 python3.11 python3 python; do
    if python=$("$candidate" -c "$usable" 2>/dev/null); then
        exec "$python" scripts/setup.py "$@"
    fi
    if [ -n "${PYTHON:-}" ]; then
        echo "set-up stopped: PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 with venv and ensurepip: name one that is, or leave PYTHON out." >&2
        exit 1
    fi
done
echo "set-up stopped: no Python 3.11, 3.12 or 3.13 with venv and ensurepip on PATH: install one (on Debian and Ubuntu python3 and python3-venv), or name it with PYTHON=/path/to/python." >&2
exit 1
