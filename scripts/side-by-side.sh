#!/usr/bin/env bash
# Runs targets of make at the same time: side-by-side.sh TARGET... `make lib` has to have run. What a target writes is shown
# in one piece once it has ended, in the order named, so that the last one named closes. Fails if one of them fails.
set -euo pipefail
cd "$(dirname "$0")/.."
logs=build/test
mkdir -p "$logs"

# With job control each target is a process group, which can be ended as a whole, and does not begin with Ctrl-C ignored.
set -m
pids=()
trap 'kill -- "${pids[@]/#/-}" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
for target in "$@"; do
	"${MAKE:-make}" --no-print-directory --old-file=lib "$target" >"$logs/$target.log" 2>&1 </dev/null &
	pids+=($!)
done
echo "running at the same time: $*; what they have written so far is in $logs"

failed=()
for i in "${!pids[@]}"; do
	target=${*:i+1:1}
	wait "${pids[i]}" || failed+=("$target")
	echo "--- $target"
	cat "$logs/$target.log"
done
pids=()
if [ ${#failed[@]} -gt 0 ]; then
	echo "failed: ${failed[*]}" >&2
	exit 1
fi
