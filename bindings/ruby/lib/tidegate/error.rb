# frozen_string_literal: true

module Tidegate
  # Base of every error of this gem.
  class Error < StandardError
    # The status that the class stands for.
    STATUS = 0

    # @return [Integer] the library's status, below 0; 0 for an error of the gem's own
    attr_reader :status

    def initialize(message = nil, status: self.class::STATUS)
      super(message)
      @status = status
    end

    # @return [String] the name of the status, for example "TIDEGATE_E_STATE"
    def status_name
      Library.native.tidegate_status_name(status)
    end

    # @api private
    # @return [Error] the error for a status below 0
    def self.from_status(status, message)
      (BY_STATUS[status] || Error).new(message, status:)
    end
  end

  # The shared library was not found, or is not one that this gem can use.
  class LibraryError < Error
  end

  # A client, user or result that has been closed.
  class HandleError < Error
    STATUS = -2
  end

  # Text that is not UTF-8.
  class EncodingError < Error
    STATUS = -3
  end

  # Text that is not JSON.
  class JsonError < Error
    STATUS = -4
  end

  # A value that is not accepted; the message names it.
  class ArgumentError < Error
    STATUS = -5
  end

  # Not possible now: before start, after shutdown, or inside this callback.
  class StateError < Error
    STATUS = -6
  end

  # The time-out was reached.
  class TimeoutError < Error
    STATUS = -7
  end

  # The network or a server failed.
  class NetworkError < Error
    STATUS = -8
  end

  # A file or folder failed.
  class FileError < Error
    STATUS = -9
  end

  # This build of the library does not do that.
  class UnsupportedError < Error
    STATUS = -11
  end

  # Not possible in this forked child, by the option `on_fork`.
  class ForkError < Error
    STATUS = -12
  end

  # Too many of something that is bounded.
  class BusyError < Error
    STATUS = -15
  end

  class Error
    BY_STATUS = [
      HandleError, EncodingError, JsonError, ArgumentError, StateError, TimeoutError, NetworkError,
      FileError, UnsupportedError, ForkError, BusyError
    ].to_h { |error| [error::STATUS, error] }.freeze
    private_constant :BY_STATUS
  end
end
