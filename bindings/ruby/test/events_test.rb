# frozen_string_literal: true

require_relative 'test_helper'

class EventsTest < TidegateTest
  # With nothing queued: what the library sends by itself has gone.
  def client(**options)
    @client || super.tap(&:flush)
  end

  def names
    server.events(key).map { |event| event['eventName'] }
  end

  def test_events_arrive_with_all_they_hold
    client
    client.log_event(alice, 'purchase', value: 9.5, metadata: { item: 'lamp' })
    client.log_event({ userID: 'bob' }, :view, value: 'home')
    client.log_event(alice, 'plain')
    client.log_events([{ user: { userID: 'carol' }, event_name: 'batch', value: 1, metadata: { n: '1' } }])
    report = client.flush
    assert_equal [4, 0, 0, 0], report.to_a
    purchase, view, plain, batch = server.events(key)
    assert_equal ['purchase', 9.5, { 'item' => 'lamp' }, 'alice'],
                 [purchase['eventName'], purchase['value'], purchase['metadata'].slice('item'),
                  purchase['user']['userID']]
    assert_equal %w[view home bob], [view['eventName'], view['value'], view['user']['userID']]
    assert_equal ['plain', nil], [plain['eventName'], plain['value']]
    assert_equal ['batch', 1, 'carol'], [batch['eventName'], batch['value'], batch['user']['userID']]
  end

  def test_evaluations_leave_exposures_unless_told_not_to
    client
    client.check_gate(alice, 'employees_only')
    client.check_gate(alice, 'new_checkout', log_exposure: false)
    client.gate(alice, 'new_checkout', log_exposure: false)
    client.config(alice, 'price_test')
    layer = client.layer(alice, 'checkout_layer')
    layer.value
    layer.key?('button_text')
    layer['show_reviews']
    client.flush
    exposures = server.events(key).map do |event|
      event['metadata'].values_at('gate', 'config', 'parameterName').compact
    end
    assert_equal [['employees_only'], ['price_test'], %w[checkout_layer show_reviews]], exposures
  end

  def test_exposures_can_be_logged_by_hand
    client
    gate = client.gate(alice, 'employees_only', log_exposure: false)
    client.log_exposure_for(gate)
    client.log_exposure(alice, :config, 'price_test')
    client.log_exposure(alice, :layer, 'checkout_layer', parameter: :button_text)
    client.flush
    assert_equal %w[statsig::gate_exposure statsig::config_exposure statsig::layer_exposure], names
    assert(server.events(key).all? { |event| event['metadata']['isManualExposure'] == 'true' })
  end

  def test_bad_events_are_refused
    client
    assert_raises(Tidegate::ArgumentError) { client.log_event(alice, 'e', value: Object.new) }
    assert_raises(Tidegate::ArgumentError) { client.log_event(alice, 'e', value: Complex(1, 1)) }
    assert_raises(Tidegate::JsonError) { client.log_event(alice, 'e', metadata: '{') }
    assert_raises(Tidegate::ArgumentError) { client.log_event({}, 'e') }
    assert_equal 0, client.flush.sent
  end

  def test_closing_delivers
    client.log_event(alice, 'last words')
    client.close
    assert_equal ['last words'], names
  end

  def test_the_end_of_the_process_delivers
    script = <<~RUBY
      require "tidegate"
      client = Tidegate.start(#{key.inspect}, api: #{server.api.inspect}, disable_diagnostics: true)
      client.log_event({ userID: "ada" }, "at exit")
    RUBY
    assert system(RbConfig.ruby, '-I', File.expand_path('../lib', __dir__), '-e', script)
    assert_equal ['at exit'], names
  end

  def test_what_cannot_be_delivered_waits_on_disk
    Dir.mktmpdir do |spool|
      client(event_spool_dir: spool)
      server.faults({ endpoint: 'log_event', status: 503, times: -1, key: })
      client.log_event(alice, 'stored')
      assert_equal 1, client.shutdown(timeout: 5).spooled
      server.control('post', 'reset', what: 'faults')
      later = make(event_spool_dir: spool)
      later.start
      server.wait('events', 1, key:, name: 'stored')
      later.close
      assert_equal ['stored'], names
    end
  end
end
