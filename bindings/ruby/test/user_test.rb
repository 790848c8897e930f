# frozen_string_literal: true

require_relative 'test_helper'

class UserTest < TidegateTest
  FIELDS = { email: 'a@b.c', ip: '1.2.3.4', user_agent: 'agent', country: 'NL', locale: 'nl_NL',
             app_version: '1.2', custom: { plan: 'pro' }, private_attributes: { secret: 1 },
             custom_ids: { companyID: 'acme' }, environment: { tier: 'staging' } }.freeze

  def test_every_field_arrives
    user = Tidegate::User.new('ada', **FIELDS)
    logged = { 'userID' => 'ada', 'email' => 'a@b.c', 'ip' => '1.2.3.4', 'userAgent' => 'agent',
               'country' => 'NL', 'locale' => 'nl_NL', 'appVersion' => '1.2', 'custom' => { 'plan' => 'pro' },
               'customIDs' => { 'companyID' => 'acme' }, 'statsigEnvironment' => { 'tier' => 'staging' } }
    assert_equal logged, user.to_h
    assert_equal logged.merge('privateAttributes' => { 'secret' => 1 }), user.to_h(private: true)
  end

  def test_a_hash_and_json_give_the_same_user
    expected = { 'userID' => '7', 'customIDs' => { 'companyID' => 'acme' } }
    assert_equal expected, Tidegate::User.parse({ user_id: 7, custom_ids: { companyID: 'acme' } }).to_h
    assert_equal expected, Tidegate::User.parse('{"userID":7,"customIDs":{"companyID":"acme"}}').to_h
    assert_equal({ 'userID' => '7' }, Tidegate::User.new(7).to_h)
  end

  def test_a_user_needs_an_id
    assert_raises(Tidegate::ArgumentError) { Tidegate::User.new }
    assert_raises(Tidegate::ArgumentError) { Tidegate::User.new(email: 'a@b.c') }
    assert_raises(Tidegate::ArgumentError) { Tidegate::User.new('ada', custom: { x: Float::NAN }) }
    assert_raises(Tidegate::ArgumentError) { Tidegate::User.parse([]) }
    assert_raises(Tidegate::JsonError) { Tidegate::User.parse('{') }
  end

  def test_a_closed_user_is_an_error
    user = Tidegate::User.new('ada')
    user.close
    user.close
    assert_raises(Tidegate::HandleError) { local_client.check_gate(user, 'employees_only') }
    assert_equal '#<Tidegate::User closed>', user.inspect
    assert_raises(TypeError) { user.dup }
  end

  def test_inspect_keeps_private_what_is_private
    refute_match(/secret/, Tidegate::User.new('ada', **FIELDS).inspect)
  end
end
