# frozen_string_literal: true

require 'ffi'
require 'json'

module Tidegate
  # The few ways of crossing into the library: text, JSON, out-parameters, statuses.
  # @api private
  module Text
    UTF_8 = Encoding::UTF_8
    BINARY = Encoding::BINARY
    OUT = :tidegate_out
    NO_EXPOSURE = 1
    TIMEOUT_MAX_MS = 0xFFFF_FFFF

    module_function

    # Raises the error for a status below 0.
    def check(status)
      raise Error.from_status(status, last_error) if status.negative?
    end

    # The message of this thread's last failed call.
    def last_error
      size = 512
      loop do
        FFI::MemoryPointer.new(:char, size) do |text|
          needed = Library.native.tidegate_last_error(text, size)
          return text.read_bytes(needed).force_encoding(UTF_8) if needed < size

          size = needed + 1
        end
      end
    end

    # Room for out-parameters. Taken from the fiber and put back with `give_back` afterwards, so that
    # a signal handler that evaluates in between gets another one.
    def take_out
      current = Thread.current
      out = current[OUT] or return FFI::MemoryPointer.new(:uint64, 2)
      current[OUT] = nil
      out
    end

    def give_back(out)
      Thread.current[OUT] = out
    end

    # Text as the library takes it. Bytes of no encoding are taken to be UTF-8: the library checks.
    def utf8(value)
      value = value.name if value.is_a?(Symbol)
      raise ArgumentError, "expected a String or a Symbol, not #{value.class}" unless value.is_a?(String)

      encoding = value.encoding
      return value if encoding == UTF_8 || encoding == BINARY || value.ascii_only?

      value.encode(UTF_8)
    rescue ::EncodingError => e
      raise EncodingError, e.message
    end

    # Text that may be absent, as the two arguments that it takes.
    def optional(value)
      return nil, 0 if value.nil?

      text = utf8(value)
      [text, text.bytesize]
    end

    # A value as JSON; a String is taken to be JSON already.
    def json(value)
      return utf8(value) if value.is_a?(String)

      JSON.generate(value)
    rescue JSON::GeneratorError, JSON::NestingError, ::EncodingError => e
      raise ArgumentError, "not expressible as JSON: #{e.message}"
    end

    # Makes a call that fills a buffer, and returns what was in it, or nil.
    def read
      out = take_out
      status = yield out
      buffer = out.read_pointer
      give_back(out)
      check(status) if status.negative?
      return if buffer.null?

      begin
        native = Library.native
        native.tidegate_buf_data(buffer).read_bytes(native.tidegate_buf_len(buffer)).force_encoding(UTF_8)
      ensure
        native.tidegate_buf_free(buffer)
      end
    end

    # Like {read}, parsed.
    def read_json(&)
      found = read(&)
      found && JSON.parse(found)
    end

    # Makes a call that makes an object, and returns its id.
    def read_id
      out = take_out
      status = yield out
      id = out.read_uint64
      give_back(out)
      check(status) if status.negative?
      id
    end

    # A time-out as the library takes it, within its range; less than 1 ms becomes 1 ms.
    def milliseconds(seconds)
      unless seconds.is_a?(Numeric) && seconds >= 0
        raise ArgumentError, "time-out: expected seconds of 0 or more, not #{seconds.inspect}"
      end

      seconds.zero? ? 0 : (seconds * 1000).clamp(1, TIMEOUT_MAX_MS).to_i
    end
  end
end
