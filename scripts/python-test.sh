#!/usr/bin/env bash
# Checks and tests the Python binding: python-test.sh [PYTEST_ARGUMENTS...]. `make lib` has to have run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/python-venv.sh"
bin=$root/.venv/python/bin
cd "$root/bindings/python"
GOFLAGS="$(go env GOFLAGS) $(cat "$root/scripts/test-build-flags") -ldflags=-s" # as `make test` has it: all is compiled then
export GOFLAGS

suites=(tests/unit tests/native tests/e2e)
if [ $# -gt 0 ]; then
	exec "$bin/python" -m pytest "$@"
fi
if [ -f "$root/.venv/python/debian" ]; then
	echo 'tested with Debian'"'"'s packages. Not covered:' >&2
	cat "$root/.venv/python/debian" >&2
	exec "$bin/python" -m pytest -q "${suites[@]}" -k 'not [orjson'
fi
"$bin/ruff" check .
"$bin/mypy"
exec "$bin/python" -m pytest -q "${suites[@]}"
