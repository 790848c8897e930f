# Not among the SUITES of `make test` yet: a run of it hung, see CHANGELOG.md.

## make test-ruby             the Ruby gem: cases, forks, Puma, leaks, its README and example
.PHONY: test-ruby
test-ruby:
	@$(NEED) ruby=ruby puma=puma cc=gcc \
		'/usr/lib/*/rubygems-integration/*/extensions/*/*/ffi-*/ffi_c.so=ruby-ffi' \
		'/usr/share/rubygems-integration/all/gems/minitest-5.[1-9]*=ruby-minitest'
	$(CARGO) build --lib --example local_server
	ruby -w -e 'Dir["bindings/ruby/test/*_test.rb"].sort.each { |file| require File.expand_path(file) }'
