# Forks, the end of the process, and the heap: the full matrices. `make test` runs each scenario once.

## make safety                forks in every phase 50 times, ways to end 20 times, a flat heap
.PHONY: safety
safety: debug-library
	@$(NEED) gcc=gcc
	TIDEGATE_FORK_ROUNDS=50 TIDEGATE_EXIT_ROUNDS=20 \
		$(CARGO) test --features $(FEATURES) --test safety -- --nocapture
	TIDEGATE_FLAT_ROUNDS=500000 \
		$(CARGO) test --features $(FEATURES) --test abi calls_leave_the_heap_as_it_was

## make tsan                  ThreadSanitizer on the C programs with threads; needs a nightly toolchain
.PHONY: tsan
tsan:
	@$(NEED) gcc=gcc
	tests/tools/tsan
