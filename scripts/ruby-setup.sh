#!/usr/bin/env bash
# Makes sure that what building and testing the Ruby binding needs is there: ruby-setup.sh gem|test. As root with apt-get it
# installs what is missing; otherwise it says in one message what to install.
set -euo pipefail

case ${1:-} in
gem) goal=gem packages='ruby ruby-ffi' ;;
test) goal=test packages='ruby ruby-ffi ruby-rspec rubocop puma ruby-railties ruby-activejob' ;;
*)
	echo 'usage: scripts/ruby-setup.sh gem|test' >&2
	exit 2
	;;
esac

# missing says in a line each what is not there.
missing() {
	if ! command -v ruby >/dev/null; then
		echo 'Ruby 3.1 or newer'
		return
	fi
	ruby -e 'exit RUBY_VERSION >= "3.1"' || echo "Ruby 3.1 or newer: this is $(ruby --version)"
	ruby -e 'require "ffi"' 2>/dev/null || echo 'the gem ffi, 1.15 or newer'
	[ "$goal" = test ] || return 0
	command -v rspec >/dev/null || echo 'rspec'
	command -v rubocop >/dev/null || echo 'rubocop'
	command -v puma >/dev/null || echo 'puma'
	ruby -e 'require "rails/generators"; require "active_job"' 2>/dev/null || echo 'railties and activejob'
}

if [ -z "$(missing)" ]; then
	exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing $packages" >&2
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # packages is a list of words
	apt-get -qq -o DPkg::Lock::Timeout=600 install --no-install-recommends $packages >/dev/null || {
		apt-get -qq update >&2
		apt-get -qq -o DPkg::Lock::Timeout=600 install --no-install-recommends $packages >/dev/null
	}
fi
left=$(missing)
if [ -n "$left" ]; then
	printf 'make ruby-%s needs what this machine lacks:\n%s\nOn Debian: apt-get install %s\n' "$goal" "$left" "$packages" >&2
	exit 1
fi
