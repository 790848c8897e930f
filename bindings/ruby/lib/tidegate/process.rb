# frozen_string_literal: true

# The process: its default client, what the library logs, and its clients at exit.
module Tidegate
  # How long the end of the process waits for events to be delivered, in seconds.
  EXIT_TIMEOUT = 3.0

  # The levels of the library, by those of Logger.
  LOG_LEVELS = { 0 => 4, 1 => 3, 2 => 2, 3 => 1, 4 => 1 }.freeze
  private_constant :LOG_LEVELS

  # A client that has not been closed: how to call the library, and whether that has threads for it.
  # @api private
  Live = Struct.new(:lib, :native_threads)

  @lock = Monitor.new
  @live = {}
  @default = nil
  @logger = nil
  @logger_number = nil

  class << self
    # @return [Logger, nil] what takes the library's log
    attr_reader :logger

    # Makes and starts the process's default client, or returns the one there is.
    #
    # @param options see {Client#initialize} and {Client.open}
    # @return [Client]
    def start(sdk_key, **options)
      @lock.synchronize do
        @default = Client.open(sdk_key, **options) if @default.nil?
        @default
      end
    end

    # @return [Client] the process's default client
    # @raise [StateError] if there is none
    def default
      @default or raise StateError, 'call Tidegate.start first'
    end

    # Shuts the default client down, if there is one. Afterwards there is none.
    def shutdown(timeout: 10.0)
      client = @lock.synchronize { @default.tap { @default = nil } }
      client&.close(timeout:)
      nil
    end

    # Sends what the library logs to a Logger, for the whole process; nil ends that. How much a client
    # logs is its option `output_logger_level`; secret keys are masked.
    #
    # Set it before clients are made: they do their background work on a Ruby thread then.
    #
    # @param logger [Logger, nil]
    # @raise [StateError] if there is a client with threads of the library
    def logger=(logger)
      @lock.synchronize do
        refuse_native_threads if logger
        number = logger && Callbacks.keep(log_with(logger))
        vtable = number && Callbacks.log_vtable(number, LOG_LEVELS.fetch(logger.level, 1))
        Text.check(Library.native.tidegate_set_log_sink(vtable))
        Callbacks.drop([@logger_number]) if @logger_number
        @logger = logger
        @logger_number = number
      end
    end

    # @return [Hash] every option with its effective value; keys and passwords are masked
    def describe_options(**options)
      opts = Client.new_options(options)
      begin
        Text.read_json { |out| Library.native.tidegate_options_describe(opts, out) }
      ensure
        Library.native.tidegate_options_release(opts)
      end
    end

    # Sees to a client at the end of the process. Holds its id only, so that the client can be freed.
    # @api private
    def track(id, live)
      @live[id] = live
    end

    # @api private
    def forget(id)
      @live.delete(id)
    end

    # @api private
    def at_exit
      @live.to_a.each do |id, live|
        Text.check(live.lib.tidegate_client_shutdown(id, Text.milliseconds(EXIT_TIMEOUT), nil))
        Text.check(live.lib.tidegate_callbacks_close(id, Text.milliseconds(EXIT_TIMEOUT)))
      rescue Error => e
        Kernel.warn("Tidegate, at exit: #{e.message}")
      end
      self.logger = nil if @logger
    end

    private

    def refuse_native_threads
      return unless @live.values.any?(&:native_threads)

      raise StateError, 'set Tidegate.logger before clients are made: the threads of those there are ' \
                        'cannot call Ruby'
    end

    def log_with(logger)
      severities = { 1 => 3, 2 => 2, 3 => 1, 4 => 0 }
      ->(level, tag, message) { logger.add(severities.fetch(level, 0), message, "tidegate.#{tag}") }
    end
  end

  Kernel.at_exit { at_exit }
end
