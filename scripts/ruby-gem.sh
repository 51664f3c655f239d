#!/usr/bin/env bash
# Builds bindings/ruby/pkg/*.gem and tries it where nothing else is installed. `make lib` has to have run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/ruby-setup.sh" gem
cd "$root/bindings/ruby"

rm -rf pkg
mkdir pkg
gem build --strict --silent --output "pkg/tasker_core-$(ruby -Ilib -e 'require "tasker_core/version"; print TaskerCore::VERSION')-x86_64-linux.gem" tasker_core.gemspec
built=$(ls "$PWD"/pkg/*.gem)

# In a place from which no checkout can be seen, in a GEM_HOME with nothing but the gem. Only ffi is the system's.
try=$(mktemp -d)
trap 'rm -rf "$try"' EXIT
chmod 755 "$try" # the private PostgreSQL may run as another user, who has to get there
(
	cd "$try"
	export GEM_HOME=$try/gems
	GEM_PATH=$GEM_HOME:$(ruby -e 'print Gem.default_path.join(":")')
	export GEM_PATH
	unset TASKER_LIBRARY_PATH RUBYLIB
	gem install --local --no-document --silent "$built"
	# The quick start of the README, as printed there.
	awk '/^```ruby$/ {block++; if (block == 1) {on = 1; next}} /^```$/ {on = 0} on' "$root/bindings/ruby/README.md" >orders.rb
	export TASKER_DATA_DIR=$try/pg DATABASE_URL=
	"$GEM_HOME/bin/tasker-dev" orders.rb --run orders/checkout --context '{"items": [{"cents": 1200}]}' | tee output
	grep -Eq 'charge +complete +\{.*"charged":1200' output
	cp "$root/bindings/ruby/spec/e2e/installed.rb" .
	ruby -w installed.rb "$try/pg"
)
echo "built ${built#"$root/"}"
