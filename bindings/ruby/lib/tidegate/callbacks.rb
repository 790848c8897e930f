# frozen_string_literal: true

module Tidegate
  # A key-value store for specs and id lists, for example on Redis. Override what you need; an object
  # with these methods will do, too.
  #
  # Called on a Ruby thread. A method that raises counts as failed.
  class DataStore
    # @return [String, nil] the value of `key`
    def get(_key)
      nil
    end

    # Stores `value`; `time_ms` is the time of the specs in it, or 0.
    def set(_key, _value, _time_ms); end

    # @return [Boolean] whether the store is polled for updates of `path` instead of the network
    def supports_polling?(_path)
      false
    end

    # Called once, after the last use.
    def shutdown; end
  end

  # Receives the library's own metrics, named `statsig.sdk.*`. Override what you need; an object with
  # these methods will do, too. Tags are a Hash of Strings.
  class Metrics
    # @return [Boolean] whether to receive tags with many values (`lcut`, `prev_lcut`) too
    def high_cardinality?
      false
    end

    # Adds to a counter.
    def increment(_name, _value, _tags); end

    # Sets a gauge.
    def gauge(_name, _value, _tags); end

    # Records one value of a distribution.
    def distribution(_name, _value, _tags); end
  end

  # The outcome of one attempt to deliver a batch of events.
  Delivery = Struct.new(:success, :events, :status, :error, keyword_init: true)

  # The host's objects, made callable for the library.
  #
  # The library holds a number that stands for an object; the C functions are made once and live as
  # long as the process. They are only ever called on Ruby threads: the ffi gem would hand a call on
  # another thread over to a thread that a forked child does not have, and the call would never end.
  # @api private
  module Callbacks
    @lock = Mutex.new
    @objects = {}
    @functions = {}
    @next = 0

    class << self
      # @return [Integer] a number for `object`, which is kept until it is dropped
      def keep(object)
        @lock.synchronize do
          @next += 1
          @objects[@next] = object
          @next
        end
      end

      # Takes no lock: finalizers call it, on a thread that may be inside {keep}.
      def drop(numbers)
        numbers.each { |number| @objects.delete(number) }
      end

      # @return [Integer] how many objects are kept
      def kept
        @objects.size
      end

      # The C function for one of {Signatures::CALLBACKS}.
      def function(name, signature = name)
        @functions[name] ||= begin
          arguments, result = Signatures::CALLBACKS.fetch(signature)
          failed = result == :void ? nil : -1
          FFI::Function.new(result, arguments) do |user_data, *given|
            guarded(failed) { object = @objects[user_data.address] and send(name, object, *given) }
          end
        end
      end

      def user_data(number)
        FFI::Pointer.new(number)
      end

      def data_store_vtable(number)
        vtable(Signatures::DataStoreVtable, number, get: :data_store_get, set: :data_store_set,
                                                    supports_polling: :data_store_supports_polling,
                                                    shutdown: :data_store_shutdown)
      end

      def metrics_vtable(number, metrics)
        made = vtable(Signatures::MetricsVtable, number, {})
        %i[increment gauge distribution].each { |member| made[member] = function(member, :metric) }
        made[:high_cardinality] = metrics.high_cardinality? ? 1 : 0
        made
      end

      def log_vtable(number, level)
        made = vtable(Signatures::LogVtable, number, log: :log)
        made[:level] = level
        made
      end

      private

      def vtable(type, number, functions)
        made = type.new
        made[:struct_size] = type.size
        made[:user_data] = user_data(number)
        functions.each { |member, name| made[member] = function(name) }
        made
      end

      # Nothing may leave a callback but its result: not an exception, and not a `throw` either.
      def guarded(failed)
        result = failed
        result = yield
      rescue Exception => e # rubocop:disable Lint/RescueException
        Kernel.warn("a callback of the Tidegate library failed: #{e.full_message}")
      ensure
        return result # rubocop:disable Lint/EnsureReturn
      end

      def read(address, length)
        address.null? ? '' : address.read_bytes(length).force_encoding(Encoding::UTF_8)
      end

      def evaluation(callable, address, length)
        callable.call(JSON.parse(read(address, length)))
      end

      def rules(callable, time_ms, address, length)
        callable.call(time_ms, read(address, length))
      end

      def flush(callable, address, length)
        found = JSON.parse(read(address, length))
        callable.call(Delivery.new(**Delivery.members.to_h { |member| [member, found[member.name]] }))
      end

      def error(callable, tag, tag_length, code, code_length, message, message_length)
        callable.call(read(tag, tag_length), read(code, code_length), read(message, message_length))
      end

      def log(callable, level, tag, tag_length, message, message_length)
        callable.call(level, read(tag, tag_length), read(message, message_length))
      end

      def data_store_get(store, key, length, reply)
        value = store.get(read(key, length))
        return 0 if value.nil?

        text = Text.utf8(value)
        Library.native.tidegate_reply_set(reply, text, text.bytesize)
      end

      def data_store_set(store, key, length, value, value_length, time_ms)
        store.set(read(key, length), read(value, value_length), time_ms)
        0
      end

      def data_store_supports_polling(store, path, length)
        store.supports_polling?(read(path, length)) ? 1 : 0
      end

      def data_store_shutdown(store)
        store.shutdown
      end

      %i[increment gauge distribution].each do |member|
        define_method(member) do |metrics, name, length, value, tags, tags_length|
          metrics.public_send(member, read(name, length), value, JSON.parse(read(tags, tags_length)))
        end
      end
    end
  end
end
