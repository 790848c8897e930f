# frozen_string_literal: true

# A shop's front page, on Puma with two workers and the application loaded before they are forked:
#
#     export TIDEGATE_OPTIONS='{"api": "http://127.0.0.1:8181/v1"}'
#     puma -C examples/ruby/puma.rb examples/ruby/config.ru
#
# The client is made once, in the master. Each worker evaluates with the rules that it inherited, and
# keeps them fresh and delivers its events by itself.

require 'tidegate'

options = JSON.parse(ENV.fetch('TIDEGATE_OPTIONS', '{}'), symbolize_names: true)
Tidegate.start(ENV.fetch('TIDEGATE_KEY', 'secret-shop'), **options)

run(lambda do |env|
  query = Rack::Utils.parse_query(env['QUERY_STRING'])
  user = Tidegate::User.new(query.fetch('user', 'guest'), email: query['email'],
                                                          user_agent: env['HTTP_USER_AGENT'])
  client = Tidegate.default
  page = {
    new_checkout: client.check_gate(user, :new_checkout),
    banner: client.config(user, :shop_banner).get(:title),
    button: client.layer(user, :checkout_layer).get_str(:button_text, 'Buy'),
    worker: Process.pid
  }
  client.log_event(user, :page_view, value: env['PATH_INFO'], metadata: { worker: Process.pid.to_s })
  [200, { 'content-type' => 'application/json' }, [JSON.generate(page)]]
ensure
  user&.close
end)
