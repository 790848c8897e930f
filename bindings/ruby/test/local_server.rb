# frozen_string_literal: true

require 'json'
require 'net/http'
require 'open3'
require 'tmpdir'

# The local server as a child of the test process, and its control interface.
class LocalServer
  ROOT = File.expand_path('../../..', __dir__)
  TARGET = File.join(ENV.fetch('CARGO_TARGET_DIR', File.join(ROOT, 'target')),
                     ENV.fetch('TIDEGATE_PROFILE', 'debug'))
  LIBRARY = File.join(TARGET, 'libtidegate.so')
  PROGRAM = File.join(TARGET, 'examples', 'local_server')
  SHOP = File.join(ROOT, 'examples', 'rules', 'shop.json')
  WAIT_MS = 30_000

  attr_reader :url, :api

  # Ends with the test process, however that ends.
  def initialize(*arguments)
    command = [PROGRAM, '--quiet', '--exit-with-parent', *arguments]
    @stdin, @stdout, @process = Open3.popen2(*command)
    ready = JSON.parse(@stdout.gets)
    @url = ready.fetch('url')
    @api = ready.fetch('api')
  end

  def close
    @stdin.close
    @process.join
    @stdout.close
  end

  def control(method, command, body = nil, **query)
    uri = URI("#{@url}/control/#{command}")
    uri.query = URI.encode_www_form(query.compact)
    request = Net::HTTP.const_get(method.capitalize).new(uri, 'Content-Type' => 'application/json')
    request.body = [String, NilClass].include?(body.class) ? body : JSON.generate(body)
    answer = Net::HTTP.start(uri.host, uri.port, read_timeout: 60) { |http| http.request(request) }
    raise "#{method} #{uri}: #{answer.code} #{answer.body}" unless answer.code == '200'

    JSON.parse(answer.body)
  end

  # Accepted events of a key, in order, without those that the library sends by itself.
  def events(key)
    found = control('get', 'events', key:).map { |entry| entry.fetch('event') }
    found.reject { |event| event['eventName'] == 'statsig::diagnostics' }
  end

  # Waits until so many requests or events have arrived; raises when they do not.
  def wait(endpoint, count = 1, **query)
    control('get', 'wait', endpoint:, count:, timeout_ms: WAIT_MS, **query)
  end

  def put_rules(rules, key)
    control('put', 'rules', rules, key:)
  end

  def faults(*faults)
    control('post', 'faults', faults)
  end
end

# Makes rulesets.
module Rules
  module_function

  # A document with the given members.
  def document(time: 1_700_000_000_000, **members)
    { has_updates: true, time:, feature_gates: [], dynamic_configs: [], layer_configs: [], **members }
  end

  # A gate that everybody, or nobody, passes.
  def gate(name, is_on: true)
    rule = { name: 'everyone', id: 'rule_everyone', salt: 'salt', groupName: nil,
             passPercentage: is_on ? 100 : 0, returnValue: true, idType: 'userID',
             conditions: [{ type: 'public', targetValue: nil, operator: nil, field: nil }] }
    { name:, type: 'feature_gate', entity: 'feature_gate', salt: name, enabled: true,
      defaultValue: false, idType: 'userID', rules: [rule] }
  end
end
