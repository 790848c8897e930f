# frozen_string_literal: true

require_relative 'test_helper'

class ResultTest < TidegateTest
  VALUE = { 'text' => "caf\u00e9", 'whole' => 9_007_199_254_740_993, 'part' => 0.5, 'yes' => true, 'none' => nil,
            'list' => [1, 'two'], 'map' => { 'deep' => {} }, '' => 'empty key' }.freeze

  def config
    shared = local_client
    shared.override_config('everything', VALUE)
    shared.config(alice, 'everything')
  end

  def test_parameters_of_every_type
    found = config
    assert_equal VALUE, found.value
    VALUE.each do |name, value|
      value.nil? ? assert_nil(found.get(name, 7)) : assert_equal(value, found[name])
    end
    assert_equal "caf\u00e9", found.get_str('text')
    assert_equal Encoding::UTF_8, found.get_str('text').encoding
    assert_equal 9_007_199_254_740_993, found.get_int(:whole)
    assert_in_delta 0.5, found.get_float('part')
    assert found.get_bool('yes')
    assert_equal '[1,"two"]', found.get_json('list')
  end

  def test_defaults_stand_in_for_what_is_absent_or_of_another_type
    found = config
    assert_nil found.get('absent')
    assert_nil found.get_json('absent')
    assert_equal :mine, found.get('absent', :mine)
    assert_equal 'd', found.get_str('whole', 'd')
    assert_equal 7, found.get_int('text', 7)
    assert_in_delta 1.5, found.get_float('absent', 1.5)
    assert found.get_bool('text', true)
    assert found.key?('none')
    refute found.key?('absent')
    assert_raises(Tidegate::ArgumentError) { found.get_int('absent', 'seven') }
    assert_raises(Tidegate::ArgumentError) { found.get_int('absent', 1 << 80) }
  end

  def test_where_a_value_came_from
    found = local_client.gate(alice, 'employees_only')
    assert_equal 'employees_only', found.name
    assert_equal :gate, found.kind
    assert_equal 'userID', found.id_type
    assert_equal 'by email', found.group_name
    assert_equal found.to_h['rule_id'], found.rule_id
    assert_equal 'Bootstrap', found.reason
    assert_equal 'none', found.details.reason
    assert_equal 1_768_471_200_000, found.times.config_sync
    assert_operator found.times.server, :>, found.times.init
    assert_equal JSON.parse(found.to_json), found.to_h
    unknown = @clients.last.config(alice, 'no_such_config')
    assert_equal 'Bootstrap:Unrecognized', unknown.reason
    assert_nil unknown.group_name
    refute unknown.passed?
  end

  def test_a_result_outlives_its_user_and_client
    shared = local_client
    user = Tidegate::User.new('alice', email: 'alice@shop.example')
    layer = shared.layer(user, 'checkout_layer', log_exposure: false)
    user.close
    shared.close
    assert_equal 'Buy now', layer.get_str('button_text')
  end

  def test_a_closed_result_is_an_error
    found = config
    found.close
    found.close
    %i[name kind value passed? to_h times].each do |reader|
      assert_raises(Tidegate::HandleError, reader) { found.public_send(reader) }
    end
    assert_raises(Tidegate::HandleError) { found.key?('text') }
    assert_raises(Tidegate::HandleError) { found.get_str('text') }
    assert_equal '#<Tidegate::Config closed>', found.inspect
    assert_raises(TypeError) { found.dup }
  end

  def test_results_that_nobody_closes_are_freed
    shared = local_client
    1000.times { shared.gate(alice, 'employees_only') }
    GC.start
    assert_operator ObjectSpace.each_object(Tidegate::Gate).count, :<, 100
  end
end
