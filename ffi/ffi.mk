# The shared library, its checks, and where the bindings find it.

LIB        := build/lib/libtasker.so
LIB_COPIES := bindings/python/src/tasker_core/_lib bindings/ruby/lib/tasker_core/native

# The copies are moved into place: whoever has the former one loaded keeps it.
.PHONY: lib
lib: ## Build build/lib/libtasker.so for Python, Ruby and C
	VERSION='$(VERSION)' scripts/lib-build.sh $(LIB)
	@for dir in $(LIB_COPIES); do \
		if [ -d "$$(dirname "$$dir")" ]; then \
			mkdir -p "$$dir" && cp $(LIB) "$$dir/.new" && mv "$$dir/.new" "$$dir/$(notdir $(LIB))" && echo "copied to $$dir" || exit 1; \
		fi; \
	done

.PHONY: lib-check
lib-check: lib ## Hold the library against its header, its ABI baseline and the oldest glibc
	scripts/lib-check.sh $(LIB)
