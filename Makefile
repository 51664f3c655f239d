# Run `make` to see what there is.

BIN       := bin/tasker
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || cat VERSION 2>/dev/null || echo unknown)
LDFLAGS   := -s -w -X github.com/tasker-systems/tasker-go/internal/system.Version=$(VERSION)

# Packages tested at the same time, and tests of each. Most of them wait: for leases, for processes, for the disk.
PACKAGES  ?= 3
PARALLEL  ?= 6
# Compilers end soon: collecting their garbage less often saves a tenth of their time.
BUILD_GOGC ?= 400
# How go builds bin/tasker; and how the program of the tests, which shares all compiled packages with the C library. It differs
# in that it may be loaded at any address, which would need a loader that not every system has.
BUILD_FLAGS      ?= -trimpath
TEST_BUILD_FLAGS := $(shell cat scripts/test-build-flags)
# How long each fuzz target runs, and how long the soak tests may take together.
FUZZTIME  ?= 60s
SOAKTIME  ?= 2h

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make TARGET\n"} /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run a workflow of Go, Python and Ruby handlers, with nothing to configure
	scripts/setup.sh demo
	$(MAKE) --no-print-directory build
	@if { command -v python3 || command -v ruby; } >/dev/null && command -v $${CC:-gcc} >/dev/null; then $(MAKE) --no-print-directory lib; fi
	$(BIN) demo

.PHONY: build
build: ## Build bin/tasker; needs no C compiler
	CGO_ENABLED=0 go build $(BUILD_FLAGS) -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/tasker

.PHONY: test
test: ## Check and test everything, in Go under the race detector
	scripts/setup.sh test
	GOGC=$(BUILD_GOGC) $(MAKE) --no-print-directory lib
	GOGC=$(BUILD_GOGC) $(MAKE) --no-print-directory build BIN=build/test/tasker BUILD_FLAGS='$(TEST_BUILD_FLAGS)'
	+scripts/in-memory.sh scripts/side-by-side.sh $(BINDING_TESTS) go-test

# The race detector would have each test program sleep for a second when it ends. What vet has seen, go test need not.
.PHONY: go-test
go-test: lint ## Check and test the Go part
	CGO_ENABLED=0 GOGC=$(BUILD_GOGC) go build $(TEST_BUILD_FLAGS) ./sdk/...
	GORACE='$(GORACE) atexit_sleep_ms=0' go test -race -vet=off -toolexec 'env GOGC=$(BUILD_GOGC)' -p $(PACKAGES) -parallel $(PARALLEL) -timeout 30m ./...

.PHONY: lint
lint: ## Check the format of the Go files and vet them
	@bad=$$(gofmt -l .) || exit 1; if [ -n "$$bad" ]; then echo "gofmt these files:"; echo "$$bad"; exit 1; fi
	GOGC=$(BUILD_GOGC) go vet -race ./... # as the tests are built, so that nothing is built twice

.PHONY: bench
bench: build ## Measure the parts with go test, and the whole with tasker bench
	go test -run '^$$' -bench . -benchmem -p 1 ./...
	$(BIN) bench

.PHONY: soak
soak: ## Run the long tests (TestSoak…, build tag soak) for up to SOAKTIME=2h
	go test -tags soak -run '^TestSoak' -v -p 1 -timeout $(SOAKTIME) ./...

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=60s
	@for file in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' "$$file"); do \
			echo "$$target in $$(dirname "$$file")"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
		done; \
	done

.PHONY: config-reference
config-reference: build ## Write docs/config.md from the configuration's own declarations
	$(BIN) config reference > docs/config.md.new
	mv docs/config.md.new docs/config.md

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin build docs/config.md.new
	go clean -testcache

include ffi/ffi.mk
-include bindings/python/python.mk bindings/ruby/ruby.mk
