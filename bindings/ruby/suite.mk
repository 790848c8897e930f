# The Ruby gem and its example. A suite that hangs prints its stack.

SUITES += test-ruby
LEAKS += leaks-ruby
BINDING_BENCHES += bench-ruby
RUBY_TESTS = ruby -w -e 'Dir["bindings/ruby/test/*_test.rb"].sort.each { |file| require File.expand_path(file) }'
RUBY_LIMITED = timeout --signal=SEGV --kill-after=20

.PHONY: need-ruby
need-ruby:
	@$(NEED) ruby=ruby puma=puma cc=gcc \
		'/usr/share/rubygems-integration/all/gems/rack-[2-9]*=ruby-rack' \
		'/usr/lib/*/rubygems-integration/*/extensions/*/*/ffi-*/ffi_c.so=ruby-ffi' \
		'/usr/share/rubygems-integration/all/gems/minitest-5.[1-9]*=ruby-minitest'

## make test-ruby             the Ruby gem: cases, forks, Puma, leaks, its README and example
.PHONY: test-ruby
test-ruby: need-ruby debug-library
	$(RUBY_LIMITED) 1200 $(RUBY_TESTS)

## make leaks-ruby            a million calls of each kind from Ruby: memory stays flat
.PHONY: leaks-ruby
leaks-ruby: need-ruby quick-library
	TIDEGATE_PROFILE=quick TIDEGATE_LEAK_CALLS=1000000 $(RUBY_LIMITED) 7200 \
		ruby -w bindings/ruby/test/leak_test.rb

## make bench-ruby            what a call costs from Ruby
.PHONY: bench-ruby
bench-ruby: need-ruby library
	TIDEGATE_LIBRARY=$(CURDIR)/$(LIBRARY) ruby -Ibindings/ruby/lib bindings/ruby/bench.rb
