# frozen_string_literal: true

# Prints how long a call takes, in ns: ruby -Ilib bench.rb, with TIDEGATE_LIBRARY set to a release build.

require 'json'
require 'tidegate'

CALLS = Integer(ENV.fetch('BENCH_CALLS', 200_000))
RULES = File.read(File.expand_path('../../examples/rules/shop.json', __dir__))
USER = { userID: 'ada', email: 'ada@shop.example', custom: { orders: 3 } }.freeze

def measure(name, calls = CALLS, &)
  (calls / 10).times(&)
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  calls.times(&)
  spent = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - start
  puts format('%-36<name>s %8<each>d', name:, each: spent / calls)
end

puts "Ruby #{RUBY_VERSION}, ffi #{FFI::VERSION}, #{Tidegate.build_info['profile']} build, ns per call"
Tidegate::Client.open('secret-bench', local_mode: true, bootstrap_values: RULES) do |client|
  user = Tidegate::User.parse(USER)
  measure('(an empty block)') { nil }
  measure('(a call that does nothing)') { client.initialized? }
  measure('check_gate, User') { client.check_gate(user, 'employees_only') }
  measure('check_gate, Symbol') { client.check_gate(user, :employees_only) }
  measure('check_gate, Hash') { client.check_gate(USER, 'employees_only') }
  measure('User.parse') { Tidegate::User.parse(USER) }
  measure('User.parse and close') { Tidegate::User.parse(USER).close }
  measure('gate(...).value') { client.gate(user, 'employees_only').value }
  measure('config(...).get_str') { client.config(user, 'shop_banner').get_str('title') }
  measure('layer(...).get_str') { client.layer(user, 'checkout_layer').get_str('button_text') }
  measure('config(...).value', CALLS / 4) { client.config(user, 'shop_banner').value }
  measure('evaluate(:config)', CALLS / 4) { client.evaluate(:config, user, 'shop_banner') }
  measure('evaluate_all', CALLS / 20) { client.evaluate_all(user) }
  measure('client_init_response', CALLS / 20) { client.client_init_response(user) }
end
