# frozen_string_literal: true

# Tidegate: feature gates, configs, experiments and layers, evaluated locally.
#
#     require "tidegate"
#
#     Tidegate::Client.open("secret-...") do |client|
#       user = Tidegate::User.new("ada", email: "ada@example.com")
#       puts "new checkout" if client.check_gate(user, "new_checkout")
#     end
module Tidegate
end

require_relative 'tidegate/version'
require_relative 'tidegate/error'
require_relative 'tidegate/signatures'
require_relative 'tidegate/library'
require_relative 'tidegate/text'
require_relative 'tidegate/user'
require_relative 'tidegate/result'
require_relative 'tidegate/callbacks'
require_relative 'tidegate/ticker'
require_relative 'tidegate/client'
require_relative 'tidegate/process'
