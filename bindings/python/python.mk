# The Python binding: its tests and its wheel.

BINDING_TESTS += python-test

.PHONY: python-test
python-test: lib ## Check and test the Python binding
	scripts/python-test.sh

.PHONY: python-wheel
python-wheel: lib ## Build the wheel of the Python binding, and try it where nothing else is installed
	scripts/python-wheel.sh
