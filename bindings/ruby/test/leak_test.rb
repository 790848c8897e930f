# frozen_string_literal: true

require_relative 'test_helper'

# Memory stays where it is over many calls of each kind.
class LeakTest < TidegateTest
  # Of each kind, if it is set. Without it, fewer of what takes long in a debug build.
  CHOSEN = ENV.fetch('TIDEGATE_LEAK_CALLS', nil)
  CALLS = Integer(CHOSEN || 100_000)
  RARE = %i[batch everything explain init_response overrides stats entities options].freeze
  RARE_CALLS = CHOSEN ? CALLS : CALLS / 10
  # The smallest leak there could be is larger than this.
  BYTES_PER_CALL_MAX = 24
  # What the interpreter may take for itself meanwhile.
  SLACK_BYTES = 4 << 20

  def resident_bytes
    3.times { GC.start }
    File.read('/proc/self/statm').split[1].to_i * 4096
  end

  def assert_flat(name, every = 1, &)
    calls = (RARE.include?(name) ? RARE_CALLS : CALLS) / every
    (calls / 4).times(&)
    before = resident_bytes
    calls.times(&)
    grown = resident_bytes - before
    assert_operator grown, :<, SLACK_BYTES + (calls * BYTES_PER_CALL_MAX), "#{name}: #{grown} bytes more"
  end

  # A client with few rules and no events, so that a call is cheap even in a debug build.
  def small
    rules = Rules.document(feature_gates: [Rules.gate('one')])
    @small ||= local_client(bootstrap_values: JSON.generate(rules)).tap do |made|
      made.override_config('c', { 'n' => 1, 's' => 'text' })
      made.override_layer('l', { 's' => 'text' })
    end
  end

  def local_client(bootstrap_values:)
    Tidegate::Client.open(key, local_mode: true, bootstrap_values:).tap { |made| @clients << made }
  end

  USER = { userID: 'ada', email: 'ada@example.com', custom: { plan: 'pro' } }.freeze

  CASES = {
    user: ->(_client, _user) { Tidegate::User.parse(USER) },
    user_closed: ->(_client, _user) { Tidegate::User.parse(USER).close },
    user_json: ->(_client, user) { user.to_json },
    check_gate: ->(client, user) { client.check_gate(user, 'one') },
    check_gate_json: ->(client, _user) { client.check_gate(USER, 'one') },
    gate: ->(client, user) { client.gate(user, 'one').reason },
    config: ->(client, user) { client.config(user, 'c').value },
    parameters: lambda do |client, user|
      config = client.config(user, 'c')
      %w[n absent].each { |name| config.get(name) }
      config.get_str('s')
      config.get_int('n')
      config.key?('n')
      config.close
    end,
    layer: ->(client, user) { client.layer(user, 'l').get('s') },
    evaluate: ->(client, user) { client.evaluate(:config, user, 'c') },
    batch: ->(client, _user) { client.evaluate_batch([USER], [{ kind: :gate, name: 'one' }]) },
    everything: ->(client, user) { client.evaluate_all(user) },
    explain: ->(client, user) { client.explain(user, :gate, 'one') },
    init_response: ->(client, user) { client.client_init_response(user) },
    overrides: lambda do |client, _user|
      client.override_gate('o', true, id: 'ada')
      client.dump_overrides
      client.remove_override(:gate, 'o', id: 'ada')
    end,
    stats: ->(client, _user) { client.stats },
    specs: ->(client, _user) { client.specs },
    entities: ->(client, _user) { client.list_entities },
    errors: lambda do |client, _user|
      client.check_gate({}, 'one')
    rescue Tidegate::ArgumentError
      nil
    end,
    options: ->(_client, _user) { Tidegate.describe_options }
  }.freeze

  CASES.each do |name, call|
    define_method(:"test_#{name}") do
      client = small
      user = Tidegate::User.parse(USER)
      assert_flat(name) { call.call(client, user) }
    end
  end

  def test_evaluation_callback
    seen = 0
    rules = Rules.document(feature_gates: [Rules.gate('one')])
    @clients << Tidegate::Client.open(key, local_mode: true, bootstrap_values: JSON.generate(rules),
                                           on_evaluation: ->(_result) { seen += 1 })
    assert_flat(:callback) { @clients.last.check_gate(USER, 'one') }
    assert_operator seen, :>=, CALLS
  end

  def test_clients
    rules = JSON.generate(Rules.document(feature_gates: [Rules.gate('one')]))
    assert_flat(:clients, 100) do
      Tidegate::Client.open(key, local_mode: true, bootstrap_values: rules, on_evaluation: ->(_result) {}).close
    end
  end

  def test_events_and_exposures
    # More than the server could take: the queue is full, and stays as it is.
    logging = client(event_queue_size: 100, retry_queue_size: 2, logging_interval: 3600)
    server.faults({ endpoint: 'log_event', status: 503, times: -1, key: })
    assert_flat(:events) do |number|
      logging.log_event(alice, 'e', value: number, metadata: { n: number.to_s })
      logging.check_gate({ userID: "u#{number}" }, 'employees_only')
      logging.log_exposure(alice, :gate, 'employees_only')
    end
    logging.shutdown(timeout: 0.1)
  end
end
