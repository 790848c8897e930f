## make bench-instructions    instructions per call, compared with the committed baseline
.PHONY: bench-instructions
bench-instructions: library
	@$(NEED) cc=gcc valgrind=valgrind python3=python3
	python3 benches/instructions.py --check
