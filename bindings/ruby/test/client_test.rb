# frozen_string_literal: true

require_relative 'test_helper'

class ClientTest < TidegateTest
  def test_a_client_evaluates_every_kind
    client
    assert client.check_gate(alice, :employees_only)
    refute client.check_gate(alice, 'no_such_gate')
    assert client.gate(alice, :employees_only).value
    assert_equal 'EUR', client.config(alice, 'price_test').get(:currency)
    assert_equal 35, client.experiment(alice, 'free_shipping_threshold')['threshold']
    assert_equal 'Buy now', client.layer(alice, 'checkout_layer')[:button_text]
  end

  def test_a_user_may_be_a_hash_or_json
    client
    assert client.check_gate({ userID: 'alice', email: 'alice@shop.example' }, 'employees_only')
    assert client.check_gate({ 'user_id' => 7, email: 'x@shop.example' }, 'employees_only')
    assert client.check_gate('{"userID":"alice","email":"alice@shop.example"}', 'employees_only')
    assert client.gate({ userID: 'alice', email: 'alice@shop.example' }, 'employees_only').passed?
  end

  def test_initialization_that_fails_gives_defaults
    server.faults({ endpoint: 'specs', status: 503, times: -1, key: })
    lame = make
    details = lame.start(timeout: 30)
    refute details.store_populated
    assert_match(/503/, details.error)
    refute lame.check_gate(alice, 'employees_only')
    assert lame.initialized?
  end

  def test_initialization_may_go_on_in_the_background
    server.faults({ endpoint: 'specs', hold: key, key: })
    slow = make
    assert_raises(Tidegate::TimeoutError) { slow.start(timeout: 0.01) }
    refute slow.initialized?
    server.control('post', 'release', name: key)
    slow.wait_initialized(timeout: 30)
    assert slow.check_gate(alice, 'employees_only')
  end

  def test_initialization_without_waiting_tells_when_it_is_done
    async = make
    done = Queue.new
    async.start_async { |details| done << details }
    assert done.pop.init_success?
    assert async.initialized?
  end

  def test_other_threads_run_while_a_call_waits
    server.faults({ endpoint: 'specs', hold: key, key: })
    slow = make
    waiting = Thread.new { slow.start(timeout: 30) }
    # This runs only if the waiting call has let go of the interpreter.
    server.wait('specs', key:)
    server.control('post', 'release', name: key)
    assert waiting.value.init_success?
  end

  def test_evaluating_before_start_and_after_shutdown_is_an_error
    fresh = make(local_mode: true)
    error = assert_raises(Tidegate::StateError) { fresh.check_gate(alice, 'employees_only') }
    assert_equal [-6, 'TIDEGATE_E_STATE'], [error.status, error.status_name]
    fresh.start
    fresh.shutdown
    assert_raises(Tidegate::StateError) { fresh.gate(alice, 'employees_only') }
    fresh.close
    fresh.close
    assert fresh.closed?
    assert_raises(Tidegate::HandleError) { fresh.check_gate(alice, 'employees_only') }
  end

  def test_options_are_checked_by_the_library
    error = assert_raises(Tidegate::ArgumentError) { make(no_such_option: 1) }
    assert_match(/no_such_option/, error.message)
    error = assert_raises(Tidegate::ArgumentError) { make(event_queue_size: 'many') }
    assert_match(/event_queue_size/, error.message)
    assert_equal 7, Tidegate.describe_options(event_queue_size: 7)['event_queue_size']
    assert_equal 'ruby', Tidegate.describe_options['wrapper']['name']
  end

  def test_keys_and_names_must_be_text
    assert_raises(Tidegate::ArgumentError) { Tidegate::Client.new(7) }
    assert_raises(Tidegate::ArgumentError) { local_client.check_gate(alice, nil) }
    assert_raises(Tidegate::EncodingError) { @clients.last.check_gate(alice, "\xff") }
    assert_raises(Tidegate::EncodingError) { @clients.last.check_gate(alice, "\xff".b) }
    assert_raises(Tidegate::JsonError) { @clients.last.check_gate('{', 'employees_only') }
    refute @clients.last.check_gate(alice, "a\0b")
    refute @clients.last.check_gate(alice, "caf\u00e9".encode('ISO-8859-1'))
  end

  def test_rules_can_be_fetched_replaced_and_read
    server.put_rules(Rules.document(time: 1, feature_gates: [Rules.gate('one')]), key)
    client(rulesets_sync_interval: 3600)
    assert client.check_gate(alice, 'one')
    server.put_rules(Rules.document(time: 2, feature_gates: [Rules.gate('two')]), key)
    client.sync_now
    assert client.check_gate(alice, 'two')
    client.update_specs(Rules.document(time: 3, feature_gates: [Rules.gate('three')]))
    assert client.check_gate(alice, 'three')
    assert_equal ['three'], JSON.parse(client.specs)['feature_gates'].map { |gate| gate['name'] }
    assert_equal ['three'], client.list_entities(:gate)
    assert_includes client.list_entities.keys, 'gates'
    assert_equal 1, client.stats['specs']['gates']
    client.polling = false
    client.polling = true
  end

  def test_the_environment_may_change
    client
    refute client.check_gate(alice, 'debug_panel')
    client.environment = { tier: 'staging' }
    assert client.check_gate(alice, 'debug_panel')
  end

  def test_many_evaluations_in_one_call
    client
    rows = client.evaluate_batch([alice, { userID: 'bob' }, {}],
                                 [{ kind: :gate, name: 'employees_only' }, { kind: :config, name: 'price_test' }])
    assert_equal([true, false], rows.first(2).map { |row| row.first['value'] })
    assert_equal 'EUR', rows[0][1]['value']['currency']
    assert_equal(-5, rows[2][0]['error']['code'])
    everything = client.evaluate_all(alice)
    assert everything['feature_gates']['employees_only']['value']
    assert_equal 'gate', client.evaluate(:gate, alice, 'employees_only')['kind']
    assert_raises(Tidegate::ArgumentError) { client.evaluate(:flag, alice, 'employees_only') }
  end

  def test_explain_says_why
    client
    found = client.explain(alice, :gate, 'employees_only')
    assert found['value']
    refute_empty found['steps']
  end

  def test_a_client_sdk_is_told_what_it_needs
    client
    client.override_gate('employees_only', false)
    plain = client.client_init_response(alice, hash: 'none')
    assert plain['feature_gates']['employees_only']['value']
    overridden = client.client_init_response(alice, hash: 'none', include_local_overrides: true)
    refute overridden['feature_gates']['employees_only']['value']
    refute client.client_init_response(alice)['feature_gates'].key?('employees_only')
  end

  def test_overrides_win
    client
    client.override_gate('employees_only', false)
    client.override_gate('employees_only', true, id: 'bob')
    client.override_config('price_test', { currency: 'JPY' })
    client.override_experiment('free_shipping_threshold', { threshold: 1 })
    client.override_layer('checkout_layer', { button_text: 'Go' })
    refute client.check_gate(alice, 'employees_only')
    assert client.check_gate({ userID: 'bob' }, 'employees_only')
    assert_equal 'JPY', client.config(alice, 'price_test')['currency']
    assert_equal 1, client.experiment(alice, 'free_shipping_threshold').get_int('threshold')
    assert_equal 'Go', client.layer(alice, 'checkout_layer')['button_text']
    saved = client.dump_overrides
    client.remove_override(:gate, 'employees_only')
    assert client.check_gate(alice, 'employees_only')
    client.remove_all_overrides
    client.load_overrides(saved)
    assert_equal saved, client.dump_overrides
    assert_raises(Tidegate::ArgumentError) { client.override_gate('employees_only', {}) }
  end

  def test_clients_are_apart
    one = local_client
    two = local_client
    one.override_gate('employees_only', false)
    refute one.check_gate(alice, 'employees_only')
    assert two.check_gate(alice, 'employees_only')
  end

  def test_the_default_client
    assert_raises(Tidegate::StateError) { Tidegate.default }
    made = Tidegate.start(key, local_mode: true, bootstrap_values: shop_text)
    assert_same made, Tidegate.start('secret-other')
    assert Tidegate.default.check_gate(alice, 'employees_only')
    Tidegate.shutdown
    Tidegate.shutdown
    assert made.closed?
    assert_raises(Tidegate::StateError) { Tidegate.default }
  end

  def test_open_closes_after_the_block
    inside = nil
    answer = Tidegate::Client.open(key, local_mode: true) do |made|
      inside = made
      :answer
    end
    assert_equal :answer, answer
    assert inside.closed?
  end

  def test_threads_and_fibers_evaluate_at_once
    shared = local_client
    threads = Array.new(8) do |number|
      Thread.new do
        user = Tidegate::User.new("u#{number}", email: "u#{number}@#{number.even? ? 'shop' : 'mail'}.example")
        Array.new(200) { Fiber.new { shared.check_gate(user, 'employees_only') }.resume }.uniq
      end
    end
    assert_equal [[true], [false]] * 4, threads.map(&:value)
  end

  def test_a_signal_handler_may_evaluate
    shared = local_client
    answers = []
    old = trap('USR1') { answers << shared.check_gate({ userID: 'bob' }, 'employees_only') }
    200.times do
      Process.kill('USR1', Process.pid)
      assert shared.check_gate(alice, 'employees_only')
    end
    assert_equal [false], answers.uniq
  ensure
    trap('USR1', old || 'DEFAULT')
  end

  def test_inspect_and_dup
    one = local_client
    assert_equal '#<Tidegate::Client ready>', one.inspect
    assert_raises(TypeError) { one.dup }
    one.close
    assert_equal '#<Tidegate::Client closed>', one.inspect
  end
end
