#!/usr/bin/env bash
# Makes .venv/python, with what building and testing the Python binding needs. PYTHON names another interpreter than python3.
#
# Packages come from the index that pip is configured for. Where it cannot be reached, Debian's packages take their place;
# .venv/python/debian then exists, and lists what they do not cover.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv/python
packages='build gunicorn hatchling httpx mypy orjson pydantic pytest pyyaml ruff types-PyYAML'
debian='python3-venv python3-gunicorn python3-build python3-hatchling python3-httpx python3-pytest python3-yaml'
python=${PYTHON:-python3}

# What is there is good if it was made for the same packages and the same Python.
stamp="$packages / $debian / $("$python" -c 'import sys; print(sys.executable, sys.version)' | tr '\n' ' ')"
if [ -f "$venv/stamp" ] && [ "$(cat "$venv/stamp")" = "$stamp" ]; then
	exit 0
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
	echo "the Python binding needs Python 3.10 or newer: $python is $("$python" --version 2>&1); set PYTHON" >&2
	exit 1
fi
rm -rf "$venv"
mkdir -p .venv

# from_index PACKAGE... makes the environment with packages of the index. Python compiles what it comes to use.
from_index() {
	"$python" -m venv "$venv" || {
		echo "$python has no venv module: on Debian, install python3-venv" >&2
		return 1
	}
	"$venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --retries 1 --timeout 20 "$@"
}

# from_debian PACKAGE... makes the environment over packages of the system.
from_debian() {
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@" >&2
	fi
	/usr/bin/python3 -m venv --clear --system-site-packages "$venv"
	"$venv/bin/python" -c 'import build, hatchling, pytest, yaml'
	cat >"$venv/debian" <<'TEXT'
mypy and ruff: types and style are not checked
orjson: only the standard library's JSON is tested
pydantic 2: unit tests that need it fail
TEXT
}

# shellcheck disable=SC2086 # they are lists of words
if ! from_index $packages; then
	echo "pip cannot install from its index; trying Debian's packages: $debian" >&2
	from_debian $debian || {
		echo "make python-test needs these packages, from an index that pip reaches or from Debian: $packages" >&2
		exit 1
	}
fi
echo "$stamp" >"$venv/stamp"
