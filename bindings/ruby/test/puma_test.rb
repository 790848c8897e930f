# frozen_string_literal: true

require_relative 'test_helper'

# The example application on a real Puma: two workers, forked from a master that has loaded it.
class PumaTest < TidegateTest
  EXAMPLE = File.join(LocalServer::ROOT, 'examples', 'ruby')
  REQUESTS_MAX = 2000

  def test_workers_evaluate_and_deliver_and_the_master_is_undisturbed
    port, pid = start_puma
    pages = serve_until_both_workers_have_answered(port)
    assert_equal({ 'new_checkout' => true, 'banner' => 'Welcome to the shop', 'button' => 'Buy now' },
                 pages.first.except('worker'))
    assert_equal 1, pages.map { |page| page.except('worker') }.uniq.size
    refute_includes pages.map { |page| page['worker'] }, pid
    until_the_master_syncs_again
    Process.kill('TERM', pid)
    status = Watch.reap(pid)
    assert_includes [0, 128 + 15, nil], status.exitstatus
    views = server.events(key).select { |event| event['eventName'] == 'page_view' }
    delivered = views.map { |event| event['metadata']['worker'].to_i }.tally
    assert_equal pages.map { |page| page['worker'] }.tally, delivered
  end

  private

  # The first session is the master's. It goes on while the workers have sessions of their own.
  def until_the_master_syncs_again
    sessions = []
    until sessions.uniq.size == 3 && sessions.drop(sessions.index(sessions.uniq.last)).include?(sessions.first)
      server.wait('specs', sessions.size + 1, key:)
      requests = server.control('get', 'requests', key:, endpoint: 'specs')
      sessions = requests.map { |request| request['headers']['statsig-server-session-id'] }
      flunk "the master syncs no more: #{sessions.tally}" if sessions.size > REQUESTS_MAX
    end
  end

  def start_puma
    options = { api: server.api, rulesets_sync_interval: 0.05 }
    environment = { 'TIDEGATE_OPTIONS' => JSON.generate(options), 'TIDEGATE_KEY' => key,
                    'BIND' => 'tcp://127.0.0.1:0', 'RUBYLIB' => File.expand_path('../lib', __dir__) }
    reader, writer = IO.pipe
    pid = spawn(environment, 'puma', '-C', 'puma.rb', 'config.ru', chdir: EXAMPLE, out: writer, err: writer)
    writer.close
    # A test that fails leaves no server behind.
    Minitest.after_run { Process.kill('KILL', pid) rescue nil } # rubocop:disable Style/RescueModifier
    port = nil
    until port && @booted == 2
      unless reader.wait_readable(Watch::WAIT_S)
        Watch.kill(pid)
        flunk 'Puma does not start'
      end
      line = reader.gets or flunk 'Puma has ended'
      port = line[%r{Listening on http://127.0.0.1:(\d+)}, 1] || port
      @booted = @booted.to_i + 1 if line.match?(/Worker \d+ \(PID: \d+\) booted/)
    end
    @drain = Thread.new { nil while reader.gets }
    [port.to_i, pid]
  end

  def serve_until_both_workers_have_answered(port)
    pages = []
    uri = URI("http://127.0.0.1:#{port}/cart?user=alice&email=alice@shop.example")
    REQUESTS_MAX.times do
      pages << JSON.parse(Net::HTTP.get(uri))
      return pages if pages.map { |page| page['worker'] }.uniq.size == 2
    end
    flunk 'only one worker answered'
  end
end
