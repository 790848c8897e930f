# frozen_string_literal: true

require_relative 'test_helper'

# Ways to end a Ruby program that has a client and does not close it.
class ExitTest < TidegateTest
  # What the program does last, and the status it ends with; nil for a signal.
  WAYS = {
    'the end of the program': ['', 0],
    exit: ['exit 3', 3],
    'exit in a thread': ['Thread.new { exit 4 }; sleep', 4],
    'an exception': ['$stderr.reopen(File::NULL); raise "unexpected"', 1],
    SIGTERM: ['Process.kill("TERM", Process.pid); sleep', nil],
    SIGINT: ['$stderr.reopen(File::NULL); Process.kill("INT", Process.pid); sleep', nil],
    'threads that evaluate': [<<~RUBY, 0],
      # The client is shut down under them, which they find out.
      Thread.report_on_exception = false
      4.times { Thread.new { loop { client.check_gate({ userID: "bob" }, "employees_only", log_exposure: false) } } }
      Thread.pass
    RUBY
    'a handler of the host': ['at_exit { client.flush(timeout: 5) }', 0]
  }.freeze

  def run_program(options, last)
    script = <<~RUBY
      require "tidegate"
      client = Tidegate::Client.open(#{key.inspect}, **#{options})
      client.log_event({ userID: "ada" }, "the last")
      #{last}
    RUBY
    Watch.reap(spawn(RbConfig.ruby, '-I', File.expand_path('../lib', __dir__), '-e', script))
  end

  def names
    server.events(key).map { |event| event['eventName'] }.reject { |name| name.start_with?('statsig::') }
  end

  WAYS.each do |way, (last, expected)|
    { 'with threads': '', 'with callbacks': ', on_flushed: ->(_) { GC.start }' }.each do |kind, more|
      define_method("test_#{way}_#{kind}".tr(' ', '_')) do
        status = run_program("{ api: #{server.api.inspect}#{more} }", last)
        assert_equal [expected], [status.exitstatus], status.inspect
        assert_equal ['the last'], names
      end
    end
  end

  def test_exit_without_handlers_leaves_events_in_the_spool
    Dir.mktmpdir do |spool|
      options = "{ api: #{server.api.inspect}, event_spool_dir: #{spool.inspect}, event_spool_sync_ms: 5 }"
      status = run_program(options, <<~RUBY)
        Thread.pass until client.stats.dig("events", "spooled").positive?
        exit!(true)
      RUBY
      assert_predicate status, :success?
      assert_empty names
      run_program(options, 'client.flush(timeout: 20)')
      assert_equal ['the last'] * 2, names
    end
  end
end
