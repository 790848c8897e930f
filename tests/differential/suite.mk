SUITES += test-differential
CONFINED := timeout --kill-after=5 900

## make test-differential     a bounded set of random rulesets against the vendor's packages
.PHONY: test-differential
test-differential: debug-library
	@$(NEED) python3=python3 /usr/lib/python3*/ensurepip/__init__.py=python3-venv
	cd tests/differential && $(CONFINED) python3 -m unittest -q test_rules
	$(CONFINED) python3 tests/differential/run.py --quick
	$(CONFINED) python3 tests/differential/run.py --feature all --expect-all --users 12

## make real RULES=FILES      every entity of real rulesets for 1,000 users, and against the packages
.PHONY: real
real: debug-library
	python3 tests/differential/every_entity.py $(RULES)
	python3 tests/differential/run.py --real $(RULES)
