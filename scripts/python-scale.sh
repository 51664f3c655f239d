#!/usr/bin/env bash
# Measures how much more two worker processes do than one where handlers keep Python busy: python-scale.sh [ROUNDS [TASKS]].
# `make lib` has to have run. It says something only on a machine that has nothing else to do.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/python-venv.sh"
export PYTHONPATH=$root/bindings/python/src
exec "$root/.venv/python/bin/python" "$root/bindings/python/benchmarks/scale.py" "$@"
