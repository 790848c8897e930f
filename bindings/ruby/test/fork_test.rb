# frozen_string_literal: true

require_relative 'test_helper'

class ForkTest < TidegateTest
  def names
    server.events(key).map { |event| event['eventName'] }
  end

  def until_passed(gate)
    Watch.until_true("#{gate} is there") { client.check_gate(alice, gate, log_exposure: false) }
  end

  # The shop's rules and one more gate, later than those in use.
  def shop_with(name, number)
    rules = JSON.parse(shop_text)
    rules['time'] = 1_900_000_000_000 + number
    rules['feature_gates'] << Rules.gate(name)
    rules
  end

  def test_a_child_evaluates_syncs_and_delivers_and_the_parent_is_undisturbed
    client(rulesets_sync_interval: 0.05)
    client.log_event(alice, 'parent before')
    children = Array.new(2) do |number|
      in_child do
        answers = [client.check_gate(alice, 'employees_only'), client.gate({ userID: 'bob' }, 'employees_only').value]
        server.put_rules(shop_with("new #{number}", number), key)
        until_passed("new #{number}")
        client.log_event(alice, "child #{number}")
        [answers, client.stats['fork_generation'], client.flush(timeout: 30).queued]
      end
    end
    assert_equal [[[true, false], 1, 0]] * 2, children
    until_passed('new 1')
    client.log_event(alice, 'parent after')
    client.close
    custom = names.reject { |name| name.start_with?('statsig::') }
    assert_equal ['child 0', 'child 1', 'parent after', 'parent before'], custom.sort
  end

  def test_a_child_that_ends_normally_delivers
    script = <<~RUBY
      require "tidegate"
      client = Tidegate.start(#{key.inspect}, api: #{server.api.inspect})
      Process.wait(fork { client.log_event({ userID: "ada" }, "from the child") })
      Process.wait(fork { client.log_event({ userID: "ada" }, "not sent"); exit! })
    RUBY
    pid = spawn(RbConfig.ruby, '-I', File.expand_path('../lib', __dir__), '-e', script)
    assert_predicate Watch.reap(pid), :success?
    assert_equal ['from the child'], names
  end

  def test_a_child_of_a_child
    client
    answer = in_child { in_child { client.check_gate(alice, 'employees_only') && client.stats['fork_generation'] } }
    assert_equal 2, answer
  end

  def test_objects_of_the_parent_may_be_freed_in_the_child
    shared = local_client
    user = Tidegate::User.new('ada')
    result = shared.gate(user, 'employees_only')
    assert(in_child { [user, result, shared].each(&:close).all?(&:inspect) })
    refute result.value
    refute shared.check_gate(user, 'employees_only')
  end

  def test_a_client_made_in_the_child
    local_client
    assert(in_child do
      Tidegate::Client.open(key, api: server.api) { |made| made.check_gate(alice, 'employees_only') }
    end)
  end
end
