#!/usr/bin/env bash
# Builds bindings/python/dist/*.whl and tries it in an environment of its own. `make lib` has to have run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/python-venv.sh"
bin=$root/.venv/python/bin
cd "$root/bindings/python"

rm -rf dist
"$bin/python" -m build --no-isolation --wheel --outdir dist . >/dev/null
wheel=$(ls dist/*.whl)

# In a place from which no checkout can be seen, with nothing but the wheel.
try=$(mktemp -d)
trap 'rm -rf "$try"' EXIT
chmod 755 "$try" # the private PostgreSQL may run as another user, who has to get there
"$bin/python" -m venv "$try/venv"
"$try/venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps "$PWD/$wheel"
cp "$root"/bindings/python/tests/e2e/{installed,quickstart}.py "$root/bindings/python/README.md" "$try/"
cd "$try"
unset TASKER_LIBRARY_PATH PYTHONPATH DATABASE_URL
venv/bin/python installed.py "$try/pg"
TASKER_DATA_DIR=$try/quickstart venv/bin/python quickstart.py README.md
venv/bin/tasker-worker --version
echo "built bindings/python/$wheel"
