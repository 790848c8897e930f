# frozen_string_literal: true

module Tidegate
  # Where a value came from. Times are in ms since 1970.
  Details = Struct.new(:source, :reason, :detailed_reason, :config_sync_time, :init_time, :server_time,
                       keyword_init: true)

  # Times of a result, in ms since 1970.
  Times = Struct.new(:config_sync, :init, :server)

  # What is evaluated, and the number that the library knows it by.
  # @api private
  module Kind
    NUMBERS = { gate: 1, config: 2, experiment: 3, layer: 4 }.freeze
    NAMES = NUMBERS.invert.freeze

    def self.number(kind)
      NUMBERS[kind.respond_to?(:to_sym) ? kind.to_sym : kind] or
        raise ArgumentError, "kind: expected one of #{NUMBERS.keys.join(', ')}, not #{kind.inspect}"
    end
  end

  # The result of an evaluation, read from the library when asked for. Does not change, whatever the
  # rules do afterwards.
  class Result
    # @api private
    # @return [Integer] the library's id; 0 when closed
    attr_reader :id

    # @api private
    def initialize(native, id)
      @native = native
      @id = id
      ObjectSpace.define_finalizer(self, Finalizer.new(native, id))
    end

    # @return [String] the name that was asked for
    def name
      text(:tidegate_result_name)
    end

    # @return [Symbol] `:gate`, `:config`, `:experiment` or `:layer`
    def kind
      Kind::NAMES.fetch(@native.tidegate_result_kind(live_id))
    end

    # @return [String] the rule that decided; empty if there was none
    def rule_id
      text(:tidegate_result_rule_id)
    end

    # @return [String, nil] the experiment group, if there is one
    def group_name
      text(:tidegate_result_group_name)
    end

    # @return [String] the type of the id that was evaluated, for example "userID"; empty if not known
    def id_type
      text(:tidegate_result_id_type)
    end

    # @return [String] where the value came from, for example "Network" or "Network:Unrecognized"
    def reason
      text(:tidegate_result_reason)
    end

    # @return [Times] when the rules and the evaluation were made
    def times
      out = Signatures::EvalTimes.new
      out[:struct_size] = Signatures::EvalTimes.size
      Text.check(@native.tidegate_result_times(@id, out))
      Times.new(out[:config_sync], out[:init], out[:server])
    end

    # @return [Details] where the value came from, in parts
    def details
      found = to_h.fetch('details')
      Details.new(**Details.members.to_h { |member| [member, found[member.name]] })
    end

    # @return [String] everything about the result, as JSON. Logs no exposure.
    def to_json(*_generator)
      Text.read { |out| @native.tidegate_result_to_json(@id, out) }
    end

    # @return [Hash] everything about the result. Logs no exposure.
    def to_h
      JSON.parse(to_json)
    end

    # Frees the result now instead of with the object.
    def close
      id = @id
      @id = 0
      return if id.zero?

      @native.tidegate_result_release(id)
      nil
    end

    def inspect
      @id.zero? ? "#<#{self.class} closed>" : "#<#{self.class} #{to_json}>"
    end

    private

    # Frees the results that nobody has closed.
    Finalizer = Struct.new(:native, :id) do
      def call(_object)
        native.tidegate_result_release(id)
      end
    end
    private_constant :Finalizer

    def initialize_copy(_other)
      raise TypeError, 'a result does not change: use it as it is'
    end

    # The readers that return no status cannot tell a closed result from a default.
    def live_id
      raise HandleError, 'the result is closed' if @id.zero?

      @id
    end

    def text(reader)
      id = live_id
      out = Text.take_out
      address = @native.public_send(reader, id, out)
      length = out.read(:size_t)
      Text.give_back(out)
      # Borrowed text ends with the result: `self` is alive until here.
      address.null? ? nil : address.read_bytes(length).force_encoding(Encoding::UTF_8)
    end
  end

  # The result of a feature gate.
  class Gate < Result
    # @return [Boolean] whether the user passes
    def value
      @native.tidegate_result_bool(live_id) == 1
    end
    alias passed? value
  end

  # The result of a dynamic config.
  class Config < Result
    # @return [Hash] all parameters, a copy of your own. Logs no exposure.
    def value
      Text.read_json { |out| @native.tidegate_result_value_json(@id, out) }
    end

    # @return [Boolean] whether the user passes the rule that decided
    def passed?
      @native.tidegate_result_bool(live_id) == 1
    end

    # @param key [String, Symbol]
    # @return [Object] one parameter of any type, null included; `default` if it is absent
    def get(key, default = nil)
      found = get_json(key)
      found.nil? ? default : JSON.parse(found)
    end
    alias [] get

    # @return [String, nil] one parameter as JSON text; nil if it is absent
    def get_json(key)
      name = Text.utf8(key)
      Text.read { |out| @native.tidegate_result_get_json(@id, name, name.bytesize, out) }
    end

    # @return [Boolean] one parameter; `default` if it is absent or not true or false
    def get_bool(key, default = false) # rubocop:disable Style/OptionalBooleanParameter
      typed(:tidegate_result_get_bool, key, default ? 1 : 0, :int32) == 1
    end

    # @return [Integer] one parameter; `default` if it is absent or not a whole number of 64 bits
    def get_int(key, default = 0)
      typed(:tidegate_result_get_i64, key, default, :int64)
    end

    # @return [Float] one parameter; `default` if it is absent or not a number
    def get_float(key, default = 0.0)
      typed(:tidegate_result_get_f64, key, default, :double)
    end

    # @return [String] one parameter; `default` if it is absent or not a string
    def get_str(key, default = '')
      name = Text.utf8(key)
      out = Text.take_out
      status = @native.tidegate_result_get_str(@id, name, name.bytesize, out, out + 8)
      address = out.read_pointer
      length = out.get(:size_t, 8)
      Text.give_back(out)
      Text.check(status)
      address.null? ? default : address.read_bytes(length).force_encoding(Encoding::UTF_8)
    end

    # @return [Boolean] whether there is such a parameter, even if it is null. Logs no exposure.
    def key?(key)
      name = Text.utf8(key)
      @native.tidegate_result_has(live_id, name, name.bytesize) != 0
    end

    private

    def typed(reader, key, default, type)
      name = Text.utf8(key)
      out = Text.take_out
      status = @native.public_send(reader, @id, name, name.bytesize, default, out)
      value = out.read(type)
      Text.give_back(out)
      Text.check(status)
      value
    rescue ::TypeError, ::RangeError => e
      raise ArgumentError, "default: #{e.message}"
    end
  end

  # The result of an experiment.
  class Experiment < Config
  end

  # The result of a layer. Reading one of its parameters with `get...` or `[]` logs that parameter's
  # exposure.
  class Layer < Config
  end
end
