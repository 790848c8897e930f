# frozen_string_literal: true

module Tidegate
  # What became of the events.
  FlushReport = Struct.new(:sent, :spooled, :dropped, :queued)

  # How the initialization went.
  InitDetails = Struct.new(:duration_ms, :source, :init_success, :store_populated, :id_list_count, :error,
                           :init_source_api, :init_source_api_id_lists, :fallback_spec_used,
                           :fallback_id_lists_used, :timed_out, keyword_init: true) do
    alias_method :init_success?, :init_success
    alias_method :timed_out?, :timed_out
  end

  # Evaluates gates, configs, experiments and layers, and delivers what is logged.
  #
  # Make one for each secret key and process, and keep it. All methods may be called from any thread,
  # and in a forked child. Times are in seconds.
  #
  # A user is a {User}, a Hash in the form of the JSON, or JSON text; a {User} is the cheapest if it is
  # used more than once. Names are Strings or Symbols. Evaluating before {#start} and after {#shutdown}
  # raises {StateError}.
  class Client
    class << self
      # Makes a client and starts it.
      #
      # @param sdk_key [String]
      # @param start_timeout [Numeric] see {#start}
      # @param options see {#initialize}
      # @yield [client] the client is closed after the block
      # @return [Client, Object] the client, or what the block returns
      def open(sdk_key, start_timeout: 10.0, **options)
        client = new(sdk_key, **options)
        begin
          client.start(timeout: start_timeout)
        rescue StandardError
          client.send(:release)
          raise
        end
        return client unless block_given?

        begin
          yield client
        ensure
          client.close
        end
      end

      # @api private
      def new_options(options)
        wrapper = { name: 'ruby', version: VERSION, language_version: RUBY_VERSION }
        json = Text.json({ wrapper:, **options })
        Text.read_id { |out| Library.native.tidegate_options_new(json, json.bytesize, out) }
      end
    end

    # Makes a client. Touches no file, network or thread.
    #
    # Options are those of the library (`Tidegate.describe_options` shows them with their defaults),
    # and what Ruby is called for:
    #
    # `on_evaluation` gets a Hash after each evaluation, on the thread that evaluates. All others are
    # called on Ruby threads, too: a client that has any of them does its background work on a Ruby
    # thread instead of on threads of the library, or on yours with `threads: "none"` and {#tick}.
    # What they raise is written to standard error.
    #
    # @param sdk_key [String] the server secret key
    # @param data_store [DataStore, nil]
    # @param metrics [Metrics, nil]
    # @param on_evaluation [#call, nil] takes the result as a Hash
    # @param on_rules_updated [#call, nil] takes the time of the specs in ms, and the specs as received
    # @param on_flushed [#call, nil] takes a {Delivery}
    # @param on_error [#call, nil] takes where, what kind and a message, all Strings
    def initialize(sdk_key, data_store: nil, metrics: nil, on_evaluation: nil, on_rules_updated: nil,
                   on_flushed: nil, on_error: nil, **options)
      callbacks = { rules: on_rules_updated, flush: on_flushed, error: on_error }.compact
      calls_in_background = Tidegate.logger || data_store || metrics || callbacks.any?
      @lib = calls_in_background || on_evaluation ? (Library.native && Library::Masked) : Library.native
      @ticks = ticks?(options, calls_in_background)
      options = { **options, threads: 'none' } if @ticks
      callbacks[:evaluation] = on_evaluation if on_evaluation
      @numbers = []
      @id = 0
      with_options(options) do |opts|
        set_data_store(opts, data_store) if data_store
        set_metrics(opts, metrics) if metrics
        callbacks.each { |name, callable| set_callback(opts, name, callable) }
        key = Text.utf8(sdk_key)
        @id = Text.read_id { |out| @lib.tidegate_client_new(key, key.bytesize, opts, out) }
      end
      ObjectSpace.define_finalizer(self, Finalizer.new(@lib, @id, @numbers))
      Tidegate.track(@id, Live.new(@lib, !@ticks && options[:threads].to_s != 'none'))
    end

    # @!group Life

    # Loads rules and starts to keep them fresh. The other languages call it "initialize", a name that
    # Ruby keeps for constructors.
    #
    # A network that fails is no error: see the details, and evaluations give defaults.
    #
    # @return [InitDetails]
    # @raise [TimeoutError] when the time is over, while the work goes on in the background
    def start(timeout: 10.0)
      status = @lib.tidegate_client_initialize(@id, Text.milliseconds(timeout))
      start_ticking
      Text.check(status)
      init_details
    end

    # Does the same in the background.
    #
    # @yield [details] when done, on a thread of its own
    # @yieldparam details [InitDetails]
    # @return [void]
    def start_async
      Text.check(@lib.tidegate_client_initialize_async(@id, nil, nil, nil))
      start_ticking
      return unless block_given?

      Thread.new do
        wait_initialized(timeout: Text::TIMEOUT_MAX_MS / 1000)
        yield init_details
      end
      nil
    end

    # Waits until initialized.
    # @raise [TimeoutError] when the time is over
    def wait_initialized(timeout:)
      Text.check(@lib.tidegate_client_wait_initialized(@id, Text.milliseconds(timeout)))
    end

    # @return [Boolean] whether evaluations work, if only with defaults
    def initialized?
      @lib.tidegate_client_is_initialized(@id) == 1
    end

    # @return [InitDetails] how the initialization went
    def init_details
      found = json(:tidegate_client_init_details)
      InitDetails.new(**InitDetails.members.to_h { |member| [member, found[member.name]] })
    end

    # Delivers what is queued, within the time.
    # @return [FlushReport]
    def flush(timeout: 10.0)
      deliver(:tidegate_client_flush, timeout)
    end

    # Delivers what is queued, within the time, and stops the client's threads.
    # @return [FlushReport]
    def shutdown(timeout: 10.0)
      report = deliver(:tidegate_client_shutdown, timeout)
      @ticker&.stop(timeout)
      report
    end

    # Shuts down and frees the client. Every later call raises {HandleError}.
    def close(timeout: 10.0)
      return if closed?

      begin
        shutdown(timeout:)
      ensure
        release
      end
      nil
    end

    # @return [Boolean]
    def closed?
      @id.zero?
    end

    # Lets no callback start any more and waits for those that run. Done at exit anyway.
    def close_callbacks(timeout: 1.0)
      Text.check(@lib.tidegate_callbacks_close(@id, Text.milliseconds(timeout)))
    end

    # With `threads: "none"`: does what is due.
    # @param budget [Numeric] how long that may take
    # @return [Float] the seconds until more is due
    def tick(budget: 0.05)
      FFI::MemoryPointer.new(:uint32) do |out|
        Text.check(@lib.tidegate_client_tick(@id, Text.milliseconds(budget), out))
        return out.read_uint32 / 1000.0
      end
    end

    # Takes the next notification, for programs that would rather ask than be called.
    # @return [Hash, nil] with a "type": "rules_updated", "events_flushed" or "error"
    def poll_event
      json(:tidegate_client_poll_event)
    end

    # @!endgroup
    # @!group Rules

    # Fetches rules and id lists now.
    def sync_now(timeout: 10.0)
      Text.check(@lib.tidegate_client_sync_now(@id, Text.milliseconds(timeout)))
    end

    # Pauses (`false`) or resumes the regular fetching of rules.
    def polling=(is_on)
      Text.check(@lib.tidegate_client_set_polling(@id, is_on ? 1 : 0))
    end

    # Replaces the rules with some that you got by other means.
    # @param specs [String, Hash]
    def update_specs(specs)
      text = Text.json(specs)
      # A copy of our own: the interpreter's lock is released.
      FFI::MemoryPointer.new(:char, text.bytesize + 1) do |copy|
        copy.put_bytes(0, text)
        Text.check(@lib.tidegate_client_update_specs(@id, copy, text.bytesize))
      end
    end

    # Replaces the environment, `tier` included, from here on; an empty one leaves it to the users and
    # the rules.
    # @param environment [Hash]
    def environment=(environment)
      json = Text.json(environment)
      Text.check(@lib.tidegate_client_set_environment(@id, json, json.bytesize))
    end

    # @return [String, nil] the rules in use, as received; nil if there are none
    def specs
      Text.read { |out| @lib.tidegate_client_get_specs(@id, out) }
    end

    # @return [Hash] the client's health: last sync, queues, counters, threads, forks
    def stats
      json(:tidegate_client_stats)
    end

    # @param kind [Symbol, nil]
    # @return [Array<String>, Hash] the names of one kind, or of all kinds by kind
    def list_entities(kind = nil)
      number = kind.nil? ? 0 : Kind.number(kind)
      Text.read_json { |out| @lib.tidegate_list_entities(@id, number, out) }
    end

    # @!endgroup
    # @!group Evaluation

    # @param user [User, Hash, String]
    # @param name [String, Symbol]
    # @return [Boolean] whether the user passes a gate
    def check_gate(user, name, log_exposure: true)
      name = Text.utf8(name)
      flags = log_exposure ? 0 : Text::NO_EXPOSURE
      out = Text.take_out
      status =
        if user.is_a?(User)
          @lib.tidegate_check_gate(@id, user.id, name, name.bytesize, flags, out)
        else
          json = Text.json(user)
          @lib.tidegate_check_gate_json(@id, json, json.bytesize, name, name.bytesize, flags, out)
        end
      is_passed = out.read_int32 == 1
      Text.give_back(out)
      Text.check(status) if status.negative?
      is_passed
    end

    # @return [Gate] a gate with its rule and details
    def gate(user, name, log_exposure: true)
      Gate.new(@lib, result(:tidegate_get_gate, user, name, log_exposure))
    end

    # @return [Config] a dynamic config
    def config(user, name, log_exposure: true)
      Config.new(@lib, result(:tidegate_get_config, user, name, log_exposure))
    end

    # @return [Experiment] an experiment
    def experiment(user, name, log_exposure: true)
      Experiment.new(@lib, result(:tidegate_get_experiment, user, name, log_exposure))
    end

    # Reading one of the layer's parameters logs that parameter's exposure.
    # @return [Layer] a layer
    def layer(user, name, log_exposure: true)
      Layer.new(@lib, result(:tidegate_get_layer, user, name, log_exposure))
    end

    # Parameters of a layer log no exposure this way.
    # @param kind [Symbol] `:gate`, `:config`, `:experiment` or `:layer`
    # @return [Hash] any kind of evaluation
    def evaluate(kind, user, name, log_exposure: true)
      name = Text.utf8(name)
      json = user.is_a?(User) ? user.to_json(private: true) : Text.json(user)
      number = Kind.number(kind)
      flags = log_exposure ? 0 : Text::NO_EXPOSURE
      Text.read_json do |out|
        @lib.tidegate_evaluate_json(@id, number, json, json.bytesize, name, name.bytesize, flags, out)
      end
    end

    # Many evaluations at once.
    #
    # @param users [Array<User, Hash>]
    # @param entities [Array<Hash>] for example `{ kind: :gate, name: "new_checkout" }`
    # @return [Array<Array<Hash>>] a row for each user, a cell for each entity: the result, or
    #   `{ "error" => { "code", "message" } }`
    def evaluate_batch(users, entities, log_exposures: false)
      users = users.map { |user| user.is_a?(User) ? user.to_h(private: true) : user }
      request = Text.json({ users:, entities:, log_exposures: })
      answer = Text.read_json do |out|
        @lib.tidegate_evaluate_batch(@id, request, request.bytesize, out)
      end
      answer.fetch('results')
    end

    # @return [Hash] all gates, configs and experiments for one user, without exposures
    def evaluate_all(user)
      user = User.from(user)
      Text.read_json { |out| @lib.tidegate_evaluate_all(@id, user.id, out) }
    end

    # Logs no exposure.
    # @return [Hash] why the user gets what it gets: rules, conditions, values, hashes
    def explain(user, kind, name)
      user = User.from(user)
      name = Text.utf8(name)
      number = Kind.number(kind)
      Text.read_json { |out| @lib.tidegate_explain(@id, user.id, number, name, name.bytesize, out) }
    end

    # @param hash [String] "sha256", "djb2" or "none"
    # @return [Hash, nil] what a browser or mobile SDK needs to start for this user; nil while there are
    #   no rules
    def client_init_response(user, client_sdk_key: nil, hash: 'sha256', include_local_overrides: false,
                             target_app_id: nil)
      user = User.from(user)
      options = Text.json({ client_sdk_key:, hash:, target_app_id:,
                            include_local_overrides: })
      Text.read_json do |out|
        @lib.tidegate_get_client_init_response(@id, user.id, options, options.bytesize, out)
      end
    end

    # @!endgroup
    # @!group Events and exposures

    # Logs a custom event.
    # @param value [String, Numeric, nil]
    # @param metadata [Hash, nil]
    def log_event(user, name, value: nil, metadata: nil)
      user = User.from(user)
      name = Text.utf8(name)
      number = value.is_a?(Numeric) ? double(value) : nil
      text = number ? [nil, 0] : Text.optional(value)
      more = Text.optional(metadata && Text.json(metadata))
      Text.check(@lib.tidegate_log_event(@id, user.id, name, name.bytesize, number, *text, *more))
    end

    # Logs events that hold their users.
    # @param events [Array<Hash>, Hash, String] each `{ user:, event_name:, value:, metadata:, time: }`
    def log_events(events)
      json = Text.json(events)
      Text.check(@lib.tidegate_log_event_json(@id, json, json.bytesize))
    end

    # Evaluates, and logs the exposure as a manual one.
    # @param parameter [String, Symbol, nil] that of a layer
    def log_exposure(user, kind, name, parameter: nil)
      user = User.from(user)
      name = Text.utf8(name)
      number = Kind.number(kind)
      parameter = Text.optional(parameter)
      Text.check(@lib.tidegate_log_exposure(@id, user.id, number, name, name.bytesize, *parameter))
    end

    # Logs the manual exposure of a result that was taken without one.
    # @param result [Result]
    # @param parameter [String, Symbol, nil] that of a layer
    def log_exposure_for(result, parameter: nil)
      Text.check(@lib.tidegate_log_exposure_for_result(@id, result.id, *Text.optional(parameter)))
    end

    # @!endgroup
    # @!group Overrides

    # Makes everybody, or one user id or custom id, get a value of your choice.
    # @param value [Boolean]
    def override_gate(name, value, id: nil)
      override(:gate, name, value, id)
    end

    # The same for a dynamic config.
    # @param value [Hash]
    def override_config(name, value, id: nil)
      override(:config, name, value, id)
    end

    # The same for an experiment. Does not reach the layer that holds it.
    # @param value [Hash]
    def override_experiment(name, value, id: nil)
      override(:experiment, name, value, id)
    end

    # The same for a layer.
    # @param value [Hash]
    def override_layer(name, value, id: nil)
      override(:layer, name, value, id)
    end

    # Removes one override, if it is there.
    def remove_override(kind, name, id: nil)
      name = Text.utf8(name)
      number = Kind.number(kind)
      Text.check(@lib.tidegate_remove_override(@id, number, name, name.bytesize, *Text.optional(id)))
    end

    # Removes every override.
    def remove_all_overrides
      Text.check(@lib.tidegate_remove_all_overrides(@id))
    end

    # Replaces all overrides.
    # @param overrides [Hash, String] for example `{ gates: { new_checkout: { "" => true } } }`
    def load_overrides(overrides)
      json = Text.json(overrides)
      Text.check(@lib.tidegate_load_overrides(@id, json, json.bytesize))
    end

    # @return [Hash] all overrides, in the form that {#load_overrides} takes
    def dump_overrides
      json(:tidegate_dump_overrides)
    end

    # @!endgroup

    def inspect
      state = if closed?
                'closed'
              else
                (initialized? ? 'ready' : 'not initialized')
              end
      "#<#{self.class} #{state}>"
    end

    private

    # Frees the clients that nobody has closed.
    Finalizer = Struct.new(:lib, :id, :numbers) do
      def call(_object)
        lib.tidegate_client_release(id)
        Callbacks.drop(numbers)
        Tidegate.forget(id)
      end
    end
    private_constant :Finalizer

    def initialize_copy(_other)
      raise TypeError, 'a client is one of a kind: use it as it is'
    end

    # Whether a Ruby thread of ours does the background work.
    def ticks?(options, calls_in_background)
      threads = options[:threads]&.to_s
      return threads.nil? && calls_in_background ? true : false unless threads == 'own' && calls_in_background

      raise ArgumentError, "threads: the library's own threads cannot call Ruby; leave the option out, " \
                           'or give "none" and call tick'
    end

    def with_options(options)
      opts = Client.new_options(options)
      yield opts
    ensure
      @lib.tidegate_options_release(opts) if opts
    end

    def set_data_store(opts, store)
      vtable = Callbacks.data_store_vtable(keep(store))
      Text.check(@lib.tidegate_options_set_data_store(opts, vtable))
    end

    def set_metrics(opts, metrics)
      vtable = Callbacks.metrics_vtable(keep(metrics), metrics)
      Text.check(@lib.tidegate_options_set_metrics(opts, vtable))
    end

    def set_callback(opts, name, callable)
      user_data = Callbacks.user_data(keep(callable))
      setter = :"tidegate_options_set_#{name}_callback"
      Text.check(@lib.public_send(setter, opts, Callbacks.function(name), user_data, nil))
    end

    def keep(object)
      Callbacks.keep(object).tap { |number| @numbers << number }
    end

    def start_ticking
      @ticker ||= Ticker.start(@id) if @ticks
    end

    def release
      id = @id
      @id = 0
      @lib.tidegate_client_release(id)
      Callbacks.drop(@numbers)
      Tidegate.forget(id)
    end

    def json(function)
      Text.read_json { |out| @lib.public_send(function, @id, out) }
    end

    def result(function, user, name, log_exposure)
      user = User.from(user)
      name = Text.utf8(name)
      flags = log_exposure ? 0 : Text::NO_EXPOSURE
      Text.read_id { |out| @lib.public_send(function, @id, user.id, name, name.bytesize, flags, out) }
    end

    def deliver(function, timeout)
      info = Signatures::FlushInfo.new
      info[:struct_size] = Signatures::FlushInfo.size
      Text.check(@lib.public_send(function, @id, Text.milliseconds(timeout), info))
      FlushReport.new(info[:sent], info[:spooled], info[:dropped], info[:queued])
    end

    def override(kind, name, value, id)
      name = Text.utf8(name)
      json = Text.json(value)
      number = Kind.number(kind)
      Text.check(@lib.tidegate_override(@id, number, name, name.bytesize, json, json.bytesize,
                                        *Text.optional(id)))
    end

    def double(value)
      FFI::MemoryPointer.new(:double).write_double(Float(value))
    rescue ::ArgumentError, ::TypeError, ::RangeError => e
      raise ArgumentError, "value: #{e.message}"
    end
  end
end
