# frozen_string_literal: true

require 'ffi'
require 'json'
require 'monitor'

# Where the library comes from, and which it is.
module Tidegate
  # Loads the library, once for the process.
  #
  # Looks at `path`, else at the environment's `TIDEGATE_LIBRARY`, else in the gem's own folder, else
  # where the system looks. Needed only to choose a path: everything else loads it on first use.
  #
  # @param path [String, nil] the library's file
  # @return [String] the path it came from
  # @raise [LibraryError] if it is not there or not one that this gem can use
  def self.load_library(path = nil)
    Library.load(path)
  end

  # @return [String] the release of the loaded library
  def self.library_version
    Library.native.tidegate_version
  end

  # @return [Hash] how the loaded library was built
  def self.build_info
    JSON.parse(Library.native.tidegate_build_info)
  end

  # Finds and loads the shared library.
  # @api private
  module Library
    # The functions of the library, by their C names.
    module Native
    end

    # The same for clients that call back into Ruby: what other threads raise in this one, a time-out
    # for example, waits until the library has returned. It must not unwind the library's frames.
    module Masked
    end

    FOLDER = __dir__
    FILES =
      if FFI::Platform.mac? then ['libtidegate.dylib']
      elsif FFI::Platform.windows? then ['tidegate.dll']
      else
        ['libtidegate.so', "libtidegate.so.#{Signatures::ABI_MAJOR}"]
      end.freeze

    @lock = Monitor.new
    @path = nil
    @native = nil

    class << self
      # @return [Native] the loaded functions
      def native
        @native || (load(nil) && @native)
      end

      def load(path)
        @lock.synchronize do
          if @native.nil?
            @path = open_first(path)
            @native = Native
          elsif path && File.realpath(path) != File.realpath(@path)
            raise LibraryError, "cannot load #{path}: #{@path} is loaded already"
          end
          @path
        end
      end

      private

      def open_first(path)
        tried = []
        candidates(path).each do |candidate|
          library = open_file(candidate, tried)
          next unless library

          attach(library, candidate)
          return candidate
        end
        raise LibraryError,
              'the Tidegate library was not found. Set TIDEGATE_LIBRARY to its path, call ' \
              "Tidegate.load_library(path), or put it into #{FOLDER}. Tried:\n#{tried.join("\n")}"
      end

      def candidates(path)
        chosen = path || ENV.fetch('TIDEGATE_LIBRARY', '')
        # Somebody's choice: nothing else will do.
        return [chosen.to_s] unless chosen.to_s.empty?

        FILES.map { |file| File.join(FOLDER, file) } + FILES
      end

      def open_file(path, tried)
        # Local scope: a second library of the same kind in the process does no harm.
        FFI::DynamicLibrary.open(path, FFI::DynamicLibrary::RTLD_NOW | FFI::DynamicLibrary::RTLD_LOCAL)
      rescue LoadError => e
        tried << "  #{path}: #{e.message.lines.first.chomp}"
        nil
      end

      def attach(library, path)
        compare_abi(library, path)
        Signatures::FUNCTIONS.each do |name, (arguments, result)|
          address = library.find_function(name.to_s) or raise LibraryError, "#{path} has no #{name}"
          options = { blocking: Signatures::BLOCKING.include?(name) }
          FFI::Function.new(result, arguments, address, options).attach(Native, name.to_s)
          Masked.define_singleton_method(name) do |*given|
            Thread.handle_interrupt(Object => :never) { Native.public_send(name, *given) }
          end
        end
      end

      def compare_abi(library, path)
        address = library.find_function('tidegate_abi_version')
        raise LibraryError, "#{path} is not the Tidegate library" unless address

        major, minor = FFI::Function.new(:uint32, [], address).call.divmod(1 << 16)
        return if major == Signatures::ABI_MAJOR && minor >= Signatures::ABI_MINOR

        raise LibraryError, "#{path} has ABI #{major}.#{minor}, this gem needs " \
                            "#{Signatures::ABI_MAJOR}.#{Signatures::ABI_MINOR}"
      end
    end
  end
end
