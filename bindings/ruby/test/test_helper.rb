# frozen_string_literal: true

require 'minitest/autorun'
require_relative 'local_server'
require_relative 'watch'

$LOAD_PATH.unshift File.expand_path('../lib', __dir__)
ENV['TIDEGATE_LIBRARY'] = LocalServer::LIBRARY if ENV.fetch('TIDEGATE_LIBRARY', '').empty?
require 'tidegate'

# What the tests share: a local server, a secret key for each test, clients that are closed after it.
class TidegateTest < Minitest::Test
  SERVER = LocalServer.new
  Minitest.after_run { SERVER.close }

  def setup
    @clients = []
  end

  def teardown
    @clients.each(&:close)
  end

  def server
    SERVER
  end

  # The server keeps the tests apart by it.
  def key
    @key ||= "secret-#{self.class.name.downcase}-#{name}"
  end

  def make(**options)
    Tidegate::Client.new(key, api: server.api, disable_diagnostics: true, **options).tap { |made| @clients << made }
  end

  def client(**options)
    @client ||= make(**options).tap do |made|
      details = made.start(timeout: 30)
      assert details.init_success, details.inspect
    end
  end

  def local_client(**options)
    @clients << Tidegate::Client.open(key, local_mode: true, bootstrap_values: shop_text, **options)
    @clients.last
  end

  def alice
    @alice ||= Tidegate::User.new('alice', email: 'alice@shop.example', custom_ids: { companyID: 'acme' })
  end

  def shop_text
    File.read(LocalServer::SHOP)
  end

  # Runs the block in a forked child and returns what it gives, through JSON.
  def in_child(timeout: 60)
    reader, writer = IO.pipe
    pid = fork do
      reader.close
      writer.write(JSON.generate([yield]))
      writer.close
      exit!(true)
    rescue Exception => e # rubocop:disable Lint/RescueException
      Kernel.warn(e.full_message)
      exit!(false)
    end
    writer.close
    unless reader.wait_readable(timeout)
      Watch.kill(pid)
      flunk 'the child hangs'
    end
    answer = reader.read
    assert_predicate Watch.reap(pid), :success?, 'the child failed'
    JSON.parse(answer).first
  ensure
    reader&.close
  end
end
