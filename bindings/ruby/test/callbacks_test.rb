# frozen_string_literal: true

require_relative 'test_helper'
require 'logger'
require 'timeout'

class CallbacksTest < TidegateTest
  # A store in memory that tells what was asked of it.
  class Store < Tidegate::DataStore
    attr_reader :content, :calls

    def initialize(content = {})
      super()
      @content = content
      @calls = Queue.new
    end

    def get(key)
      @calls << [:get, key]
      @content[key]
    end

    def set(key, value, time_ms)
      @content[key] = value
      @calls << [:set, key, time_ms]
    end

    def supports_polling?(_path)
      false
    end

    def shutdown
      @calls << [:shutdown]
    end
  end

  def teardown
    super
    Tidegate.logger = nil
    assert_equal 0, Tidegate::Callbacks.kept, 'an object is kept though its client is gone'
  end

  def until_true(what)
    Timeout.timeout(30) { Thread.pass until yield }
  rescue Timeout::Error
    flunk "#{what}: did not happen"
  end

  def test_evaluations_are_told_on_the_thread_that_evaluates
    seen = []
    shared = local_client(on_evaluation: ->(result) { seen << [Thread.current, result['name'], result['value']] })
    shared.check_gate(alice, 'employees_only')
    Thread.new { shared.gate(alice, 'new_checkout') }.join
    assert_equal [['employees_only', true], ['new_checkout', true]], seen.map { |row| row.drop(1) }
    assert_same Thread.current, seen.first.first
    refute_same Thread.current, seen.last.first
    assert shared.stats['phase'] == 'ready' && Thread.list.none? { |thread| thread.name == 'tidegate' }
  end

  def test_a_callback_may_evaluate_and_a_circle_ends
    errors = []
    holder = []
    again = lambda do |_result|
      holder.first.check_gate(alice, 'new_checkout')
    rescue Tidegate::StateError => e
      errors << e
    end
    holder << local_client(on_evaluation: again)
    assert holder.first.check_gate(alice, 'employees_only')
    assert_equal 1, errors.size
  end

  def test_nothing_leaves_a_callback
    leave = :raise
    shared = local_client(on_evaluation: lambda do |_result|
      case leave
      when :raise then raise 'from the callback'
      when :throw then throw :done
      when :exit then exit
      end
    end)
    _, said = capture_io do
      assert shared.check_gate(alice, 'employees_only')
      leave = :exit
      assert shared.check_gate(alice, 'employees_only')
      leave = :throw
      assert_equal true, catch(:done) { shared.check_gate(alice, 'employees_only') }
    end
    assert_match(/from the callback/, said)
  end

  def test_a_time_out_waits_until_the_library_has_returned
    finished = false
    shared = local_client(on_evaluation: lambda do |_result|
      Thread.main.raise(Timeout::Error)
      finished = true
    end)
    assert_raises(Timeout::Error) { shared.check_gate(alice, 'employees_only') }
    assert finished
  end

  def test_the_background_is_told_on_a_ruby_thread
    rules = Queue.new
    flushed = Queue.new
    errors = Queue.new
    server.put_rules(Rules.document(time: 1, feature_gates: [Rules.gate('one')]), key)
    client(on_rules_updated: ->(time, specs) { rules << [time, JSON.parse(specs)['time']] },
           on_flushed: ->(delivery) { flushed << delivery },
           on_error: ->(*error) { errors << error }, rulesets_sync_interval: 0.05, logging_interval: 0.05)
    assert_equal [1, 1], rules.pop
    server.put_rules(Rules.document(time: 2, feature_gates: [Rules.gate('two')]), key)
    assert_equal [2, 2], rules.pop
    assert client.check_gate(alice, 'two')
    delivery = flushed.pop
    assert_equal [true, 202, nil], [delivery.success, delivery.status, delivery.error]
    server.put_rules('no rules', key)
    tag, code, message = errors.pop
    refute_empty [tag, code, message].join
    assert_equal 1, Thread.list.count { |thread| thread.name == 'tidegate' }
    client.close
    assert_equal 0, Thread.list.count { |thread| thread.name == 'tidegate' }
  end

  def test_the_librarys_own_threads_are_refused_where_ruby_is_called
    error = assert_raises(Tidegate::ArgumentError) { make(threads: 'own', on_flushed: -> {}) }
    assert_match(/threads/, error.message)
    assert_equal 0, Tidegate::Callbacks.kept
  end

  def test_without_threads_callbacks_come_in_tick
    flushed = []
    client(threads: 'none', on_flushed: ->(delivery) { flushed << [delivery, Thread.current] })
    assert_empty(Thread.list.select { |thread| thread.name == 'tidegate' })
    client.log_event(alice, 'e')
    client.flush
    assert_equal Thread.current, flushed.first.last
    assert_kind_of Float, client.tick
    assert_raises(Tidegate::StateError) { local_client.tick }
  end

  def test_notifications_can_be_polled
    polled = client(threads: 'none')
    polled.log_event(alice, 'e')
    polled.flush
    types = []
    while (event = polled.poll_event)
      types << event['type']
    end
    assert_includes types, 'rules_updated'
    assert_includes types, 'events_flushed'
    assert_nil polled.poll_event
  end

  def test_a_data_store_feeds_and_is_fed
    store = Store.new
    made = client(data_store: store, initialize_sources: %w[datastore network])
    assert_equal :get, store.calls.pop.first
    until_true('the rules are stored') { !store.content.empty? }
    made.close
    calls = []
    calls << store.calls.pop until store.calls.empty?
    assert_equal 1, calls.count([:shutdown])
    offline = make(data_store: Store.new(store.content), initialize_sources: ['datastore'],
                   config_sync_sources: ['datastore'])
    assert_equal 'DataAdapter', offline.start.source
    assert offline.check_gate(alice, 'employees_only')
  end

  def test_a_data_store_that_raises_counts_as_failed
    broken = Object.new
    def broken.get(_key) = raise('no store today')
    def broken.set(*) = raise('no store today')
    def broken.supports_polling?(_path) = false
    def broken.shutdown = nil
    _, said = capture_io do
      made = client(data_store: broken, initialize_sources: %w[datastore network])
      assert made.check_gate(alice, 'employees_only')
      made.close
    end
    assert_match(/no store today/, said)
  end

  def test_metrics_are_counted
    seen = Queue.new
    receiver = Class.new(Tidegate::Metrics) do
      define_method(:increment) { |name, value, tags| seen << [:increment, name, value, tags] }
      define_method(:distribution) { |name, value, tags| seen << [:distribution, name, value, tags] }
    end
    client(metrics: receiver.new)
    kind, name, value, tags = seen.pop
    assert_includes %i[increment distribution], kind
    assert name.start_with?('statsig.sdk.')
    assert_kind_of Float, value
    assert_kind_of Hash, tags
  end

  def test_the_log_goes_to_a_logger
    lines = StringIO.new
    Tidegate.logger = Logger.new(lines, level: Logger::INFO)
    client.close
    Tidegate.logger = nil
    assert_match(/INFO -- tidegate.sync: initialized/, lines.string)
    local_client
    assert_raises(Tidegate::StateError) { Tidegate.logger = Logger.new(lines) }
  end

  def test_callbacks_work_in_a_forked_child
    store = Store.new
    rules = Queue.new
    shared = client(data_store: store, on_rules_updated: ->(time, _) { rules << time }, rulesets_sync_interval: 0.05)
    rules.pop
    time = in_child do
      server.put_rules(Rules.document(time: 1_900_000_000_000, feature_gates: [Rules.gate('new')]), key)
      rules.pop
    end
    assert_equal 1_900_000_000_000, time
    assert_equal time, rules.pop
    assert shared.check_gate(alice, 'new')
  end
end
