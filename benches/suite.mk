SUITES += test-instructions

## make bench                 Tidegate and the vendor's published crate, in turns: a table
.PHONY: bench
bench: library server
	@$(NEED) cc=gcc python3=python3 curl=curl
	$(CARGO) build --release --manifest-path benches/vendor/Cargo.toml
	python3 benches/bench.py $(if $(RULES),--rules $(RULES))

## make bench-inside          the inside without the boundary, by criterion
.PHONY: bench-inside
bench-inside:
	@$(NEED) python3=python3
	$(CARGO) bench --bench inside

## make bench-instructions    instructions per call, compared with the committed baseline
.PHONY: bench-instructions
bench-instructions: test-instructions

.PHONY: test-instructions
test-instructions: library
	@$(NEED) cc=gcc valgrind=valgrind python3=python3
	python3 benches/instructions.py --check

## make bench-waits           slowest calls, while sync is busy, with a dead server and full queues
.PHONY: bench-waits
bench-waits: library
	@$(NEED) cc=gcc python3=python3
	benches/waits/run

## make bench-id-lists        memory of an id list of ten million ids
.PHONY: bench-id-lists
bench-id-lists: library
	@$(NEED) cc=gcc python3=python3
	python3 benches/id_lists/run.py --check

RATE ?= 20000
RATE_SECONDS ?= 600

## make bench-rate            RATE (20000) fresh exposures a second for RATE_SECONDS (600)
.PHONY: bench-rate
bench-rate: library
	@$(NEED) cc=gcc python3=python3
	python3 benches/rate/run.py --rate $(RATE) --seconds $(RATE_SECONDS)
