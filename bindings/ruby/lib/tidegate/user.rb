# frozen_string_literal: true

module Tidegate
  # Who is asking: a user, parsed once by the library and usable by any client and thread.
  #
  # Make one for each request and use it for everything in the request. Needs a user id or a custom
  # id. Immutable.
  class User
    # @api private
    # @return [Integer] the library's id; 0 when closed
    attr_reader :id

    # @param user_id [String, Integer, nil]
    # @param custom [Hash, nil] attributes of your own
    # @param private_attributes [Hash, nil] the same, but evaluated only and never logged
    # @param custom_ids [Hash, nil] further ids, for example `{ companyID: "acme" }`
    # @param environment [Hash, nil] for example `{ tier: "staging" }`
    # @raise [ArgumentError] if there is no id, or a value is not accepted
    def initialize(user_id = nil, email: nil, ip: nil, user_agent: nil, country: nil, locale: nil,
                   app_version: nil, custom: nil, private_attributes: nil, custom_ids: nil,
                   environment: nil)
      fields = {
        userID: user_id, email:, ip:, userAgent: user_agent, country:, locale:,
        appVersion: app_version, custom:, privateAttributes: private_attributes,
        customIDs: custom_ids, statsigEnvironment: environment
      }
      make(fields.compact)
    end

    # @param user [Hash, String] in the form of the JSON (`{ userID: "ada" }`), or JSON text
    # @return [User]
    def self.parse(user)
      allocate.tap { |made| made.send(:make, user) }
    end

    # @api private
    # @return [User] the user itself, or one made for this call
    def self.from(user)
      user.is_a?(User) ? user : parse(user)
    end

    # @param private [Boolean] with private attributes
    # @return [String] the user as it is logged, as JSON
    def to_json(*_generator, private: false)
      Text.read { |out| @native.tidegate_user_to_json(@id, private ? 1 : 0, out) }
    end

    # @param private [Boolean] with private attributes
    # @return [Hash] the user as it is logged
    def to_h(private: false)
      JSON.parse(to_json(private:))
    end

    # Frees the user now instead of with the object. Calls that use it finish first.
    def close
      id = @id
      @id = 0
      return if id.zero?

      @native.tidegate_user_release(id)
      nil
    end

    def inspect
      @id.zero? ? "#<#{self.class} closed>" : "#<#{self.class} #{to_json}>"
    end

    private

    # Frees the users that nobody has closed. For the others it does nothing: an id ends once. It is not
    # undefined then, because that would take the finalizers of weak references along.
    Finalizer = Struct.new(:native, :id) do
      def call(_object)
        native.tidegate_user_release(id)
      end
    end
    private_constant :Finalizer

    def initialize_copy(_other)
      raise TypeError, 'a user is immutable: use it as it is'
    end

    def make(user)
      json = Text.json(user)
      native = @native = Library.native
      @id = Text.read_id { |out| native.tidegate_user_new(json, json.bytesize, out) }
      ObjectSpace.define_finalizer(self, Finalizer.new(native, @id))
    end
  end
end
