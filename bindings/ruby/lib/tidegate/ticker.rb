# frozen_string_literal: true

module Tidegate
  # A Ruby thread that does a client's background work, for clients that call back into Ruby.
  #
  # It starts anew in a forked child, and ends when the client is shut down or released.
  # @api private
  class Ticker
    # How long one round may take.
    BUDGET_MS = 10_000
    # How long to wait between rounds at most: nobody wakes the thread when a batch is full.
    WAIT_MAX_MS = 250
    # What a round finds when the client is gone: released, shut down, not for this forked child.
    GONE = [HandleError, StateError, ForkError].map { |error| error::STATUS }.freeze

    @all = []
    @lock = Mutex.new

    class << self
      def start(id)
        @lock.synchronize do
          ::Process.singleton_class.prepend(ForkHook) unless ::Process.singleton_class < ForkHook
          new(id).tap { |ticker| @all << ticker }
        end
      end

      def forget(ticker)
        @lock.synchronize { @all.delete(ticker) }
      end

      # In a forked child, where the threads are gone.
      def after_fork
        @lock = Mutex.new
        @all.each(&:run)
      end
    end

    # Tells the tickers of a fork.
    module ForkHook
      def _fork
        pid = super
        Ticker.after_fork if pid.zero?
        pid
      end
    end

    def initialize(id)
      @id = id
      run
    end

    def run
      @lock = Mutex.new
      @stopped = ConditionVariable.new
      @is_stopping = false
      @thread = Thread.new { work }
      @thread.name = 'tidegate'
    end

    # Waits until the thread has ended, up to `timeout` seconds.
    def stop(timeout)
      Ticker.forget(self)
      @lock.synchronize do
        @is_stopping = true
        @stopped.signal
      end
      # Called by a callback, it is the thread itself that stops.
      @thread.join(timeout) unless @thread == Thread.current
    end

    private

    def work
      out = FFI::MemoryPointer.new(:uint32)
      loop do
        status = Library::Masked.tidegate_client_tick(@id, BUDGET_MS, out)
        break if GONE.include?(status)

        wait_ms = out.read_uint32.clamp(1, WAIT_MAX_MS)
        @lock.synchronize { @stopped.wait(@lock, wait_ms / 1000.0) unless @is_stopping }
        break if @is_stopping
      end
      Ticker.forget(self)
    end
  end
end
