# Two commands matter: `make demo` and `make test`. Both do their own set-up.

CARGO ?= cargo
FEATURES ?= grpc,redis
PREFIX ?= /usr/local
NEED := tests/tools/need
RELEASE := target/release
LIBRARY := $(RELEASE)/libtidegate.so
DEBUG := target/debug
QUICK := target/quick
SUITES :=
LEAKS :=
BINDING_BENCHES :=

.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo                  build, start the local server, run the C quickstart against it
.PHONY: demo
demo: library server
	@CC="$(CC)" examples/demo

## make library               the release library with all features
.PHONY: library
library:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: https://rustup.rs" >&2; exit 1; }
	$(CARGO) build --release --features $(FEATURES)
	@ln -sf libtidegate.so $(RELEASE)/libtidegate.so.1

## make server                the local server
.PHONY: server
server:
	$(CARGO) build --release --example local_server --features $(FEATURES)

# What the suites of the bindings load, and the server they talk to. Quick to build.
.PHONY: debug-library
debug-library:
	$(CARGO) build --features $(FEATURES) --lib --examples
	@ln -sf libtidegate.so $(DEBUG)/libtidegate.so.1

# The same, optimized, for what makes a million calls.
.PHONY: quick-library
quick-library:
	$(CARGO) build --profile quick --features $(FEATURES) --lib --examples
	@ln -sf libtidegate.so $(QUICK)/libtidegate.so.1

# Each adds its targets to SUITES, LEAKS and BINDING_BENCHES, which later rules read: it has to
# stand here.
include $(wildcard bindings/*/suite.mk tests/*/suite.mk benches/suite.mk packaging/suite.mk)

## make test                  everything that runs on each change
.PHONY: test
test: lint test-rust test-demo $(SUITES)
	@echo "all suites passed"

.PHONY: lint
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets --features $(FEATURES) -- -D warnings
	$(CARGO) clippy -- -D warnings
	$(CARGO) clippy --no-default-features -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --no-deps --features $(FEATURES)

## make test-rust             unit, conformance, behaviour, boundary and C suites
.PHONY: test-rust
test-rust: debug-library
	@$(NEED) cc=gcc g++=g++ clang=clang valgrind=valgrind nm=binutils redis-server=redis-server \
	    php=php-cli python3=python3-venv
	$(CARGO) test --features $(FEATURES)

## make test-demo             the README's first command, as a test
.PHONY: test-demo
test-demo: demo

## make fuzz                  each parser of outside bytes, ten minutes each
.PHONY: fuzz
fuzz:
	@$(NEED) c++=g++ python3=python3
	fuzz/run.sh

## make differential          random rulesets against the vendor's published packages
.PHONY: differential
differential:
	python3 tests/differential/run.py

## make leaks                 a million calls of each kind from every binding: memory stays flat
.PHONY: leaks
leaks: $(LEAKS)

## make bench-bindings        every binding, beside the vendor's package where a registry has one
.PHONY: bench-bindings
bench-bindings: $(BINDING_BENCHES)
