# The Go package and its example: plain, with the race detector, and linked statically.

SUITES += test-go
LEAKS += leaks-go
GO ?= go
GO_SHARED := CGO_LDFLAGS="-L$(CURDIR)/$(DEBUG) -Wl,-rpath,$(CURDIR)/$(DEBUG)"
GO_TEST := test -count=1 -timeout 15m

## make test-go               the Go package
.PHONY: test-go
test-go: debug-library
	@$(NEED) go=golang gcc=gcc
	@test -z "$$(gofmt -l bindings/go examples/go)" || { gofmt -d bindings/go examples/go; exit 1; }
	cd bindings/go && $(GO_SHARED) $(GO) vet -tags tidegate_dev ./...
	cd examples/go && $(GO_SHARED) $(GO) vet -tags tidegate_dev ./...
	cd bindings/go/bench && $(GO_SHARED) $(GO) vet -tags tidegate_dev ./...
	cd bindings/go && $(GO_SHARED) $(GO) $(GO_TEST) -tags tidegate_dev ./...
	cd bindings/go && $(GO_SHARED) GODEBUG=cgocheck=1 $(GO) $(GO_TEST) -race -tags tidegate_dev ./...
	cd bindings/go && $(GO_SHARED) $(GO) $(GO_TEST) -tags tidegate_dev -run '^$$' -bench . -benchtime 100x .
	cd bindings/go && CGO_LDFLAGS="-L$(CURDIR)/$(DEBUG)" $(GO) $(GO_TEST) -tags tidegate_dev,tidegate_static -run 'CheckGate|ABI|Callback' .
	cd examples/go && $(GO_SHARED) $(GO) $(GO_TEST) -tags tidegate_dev ./...

## make leaks-go              a million calls of each kind from Go: memory stays flat
.PHONY: leaks-go
leaks-go: quick-library
	@$(NEED) go=golang gcc=gcc
	cd bindings/go && TIDEGATE_PROFILE=quick TIDEGATE_LEAK_CALLS=1000000 \
	    CGO_LDFLAGS="-L$(CURDIR)/$(QUICK) -Wl,-rpath,$(CURDIR)/$(QUICK)" \
	    $(GO) test -count=1 -timeout 2h -tags tidegate_dev -v -run 'MemoryStaysFlat|ALeakIsSeen' .

BINDING_BENCHES += bench-go

## make bench-go              the Go package beside the vendor's
.PHONY: bench-go
bench-go: library server
	@$(NEED) go=golang gcc=gcc
	cd bindings/go/bench && $(GO) test -count=1 -tags tidegate_dev -bench . . | grep -v '^\['
