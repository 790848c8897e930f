# frozen_string_literal: true

require_relative 'test_helper'

# The cases that every language answers alike.
class ConformanceTest < Minitest::Test
  TESTS = File.join(LocalServer::ROOT, 'tests')
  DETAILS = 'details'

  def test_every_case
    server = LocalServer.new('--dir', File.join(TESTS, 'specs'))
    files = Dir[File.join(TESTS, 'cases', '*.json')]
    count = files.sum { |file| run_file(server, file) }
    assert_equal File.read(File.join(TESTS, 'cases', 'COUNT')).to_i, count
  ensure
    server&.close
  end

  private

  def run_file(server, file)
    document = JSON.parse(File.read(file))
    options = { api: server.api, disable_all_logging: true, disable_diagnostics: true }
    options.update(document.fetch('options', {}).transform_keys(&:to_sym))
    Tidegate::Client.open("secret-#{document.fetch('specs')}", **options) do |client|
      assert_equal 'Network', client.init_details.source, file
      document.fetch('cases').each { |row| run_case(client, row, "#{file}: #{row.fetch('id')}") }.size
    end
  end

  def run_case(client, row, where)
    client.load_overrides(row['overrides']) if row['overrides']
    result = client.evaluate(row.fetch('kind'), row.fetch('user'), row.fetch('name'), log_exposure: false)
    client.remove_all_overrides if row['overrides']
    row.fetch('expect').each do |member, expected|
      if member == DETAILS
        expected.each { |name, value| compare(value, result.fetch(DETAILS), name, where) }
      else
        compare(expected, result, member, where)
      end
    end
  end

  def compare(expected, result, member, where)
    assert result.key?(member), "#{where}: #{member} is missing"
    assert expected == result[member],
           "#{where}: #{member}: expected #{expected.inspect}, got #{result[member].inspect}"
  end
end
