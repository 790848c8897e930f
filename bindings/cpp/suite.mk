# The C++ headers: with clang in C++17, and with gcc in C++20 and sanitizers.

SUITES += test-cpp
LEAKS += leaks-cpp
CPP_TESTS := -DTIDEGATE_CPP_TESTS=ON -DTIDEGATE_LIBRARY_DIR=$(CURDIR)/$(DEBUG)

CPP_NEEDS := g++=g++ cmake=cmake make=make /usr/include/gtest/gtest.h=libgtest-dev \
    /usr/include/nlohmann/json.hpp=nlohmann-json3-dev

## make test-cpp              the C++ headers
.PHONY: test-cpp
test-cpp: debug-library
	@$(NEED) clang++=clang $(CPP_NEEDS)
	cmake -S bindings/cpp -B target/cpp/clang $(CPP_TESTS) -DCMAKE_CXX_COMPILER=clang++
	cmake --build target/cpp/clang
	cd target/cpp/clang && ctest --output-on-failure
	cmake -S bindings/cpp -B target/cpp/gcc $(CPP_TESTS) -DCMAKE_CXX_COMPILER=g++ \
	    -DCMAKE_CXX_STANDARD=20 -DTIDEGATE_SANITIZE=address,undefined
	cmake --build target/cpp/gcc
	cd target/cpp/gcc && ctest --output-on-failure

## make leaks-cpp             a million calls of each kind from C++: memory stays flat
.PHONY: leaks-cpp
leaks-cpp: quick-library
	@$(NEED) $(CPP_NEEDS)
	cmake -S bindings/cpp -B target/cpp/leaks -DTIDEGATE_CPP_TESTS=ON -DCMAKE_BUILD_TYPE=Release \
	    -DTIDEGATE_LIBRARY_DIR=$(CURDIR)/$(QUICK)
	cmake --build target/cpp/leaks --target memory_test
	TIDEGATE_LEAK_CALLS=1000000 timeout 7200 target/cpp/leaks/tests/memory_test

BINDING_BENCHES += bench-cpp

## make bench-cpp             the C++ classes
.PHONY: bench-cpp
bench-cpp: library
	@$(NEED) $(CPP_NEEDS)
	cmake -S bindings/cpp -B target/cpp/bench -DTIDEGATE_CPP_TESTS=ON -DCMAKE_BUILD_TYPE=Release \
	    -DTIDEGATE_LIBRARY_DIR=$(CURDIR)/$(RELEASE)
	cmake --build target/cpp/bench --target evaluate_bench
	target/cpp/bench/bench/evaluate_bench
