# Installing, the archive of a release, and programs that are built against both.

SUITES += test-packaging
# Below PREFIX: lib64, or lib/x86_64-linux-gnu, where a system has its libraries there.
LIBDIR ?= lib
# A user without cargo, as root often is, installs what another has built.
BUILT ?= $(if $(shell command -v $(CARGO)),library,$(LIBRARY))

## make install               PREFIX=/usr/local DESTDIR= LIBDIR=lib: library, headers, pkg-config, CMake
.PHONY: install
install: $(BUILT)
	packaging/install $(RELEASE) "$(DESTDIR)$(PREFIX)" "$(LIBDIR)"
	@# Root's programs find the library by the loader's cache.
	@case "$(DESTDIR)$(PREFIX)" in /usr | /usr/local) ldconfig || : ;; esac

## make uninstall             takes the same files away
.PHONY: uninstall
uninstall:
	packaging/install --remove $(RELEASE) "$(DESTDIR)$(PREFIX)" "$(LIBDIR)"

## make test-packaging        install and dist, and programs built against what they give
.PHONY: test-packaging
test-packaging: library server
	@$(NEED) cc=gcc g++=g++ clang++=clang cmake=cmake pkg-config=pkgconf readelf=binutils
	packaging/test/run $(RELEASE) $(RELEASE)/examples/local_server
