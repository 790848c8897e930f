SUITES += test-docs

## make test-docs             what the README and the C examples show
.PHONY: test-docs
test-docs: debug-library
	tests/docs/run.sh
