#!/usr/bin/env bash
# Checks and tests the Ruby binding: ruby-test.sh [RSPEC_ARGUMENTS...]. `make lib` has to have run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/ruby-setup.sh" test
cd "$root/bindings/ruby"
GOFLAGS="$(go env GOFLAGS) $(cat "$root/scripts/test-build-flags") -ldflags=-s" # as `make test` has it: all is compiled then
export GOFLAGS

if [ $# -gt 0 ]; then
	exec rspec "$@"
fi
rubocop --format simple

# Programs and workers have a process to themselves: what unit tests do to registries is none of their business.
rspec spec/unit spec/native
exec rspec spec/e2e
