# The Ruby binding: its tests and its gem.

BINDING_TESTS += ruby-test

.PHONY: ruby-test
ruby-test: lib ## Check and test the Ruby binding
	scripts/ruby-test.sh

.PHONY: ruby-gem
ruby-gem: lib ## Build the gem of the Ruby binding, and try it where nothing else is installed
	scripts/ruby-gem.sh
