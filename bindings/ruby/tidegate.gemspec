# frozen_string_literal: true

require_relative 'lib/tidegate/version'

Gem::Specification.new do |spec|
  spec.name = 'tidegate'
  spec.version = Tidegate::VERSION
  spec.summary = 'Feature gates, configs, experiments and layers, evaluated locally'
  spec.description = 'A Statsig-compatible server SDK: one shared library, wrapped with the ffi gem.'
  spec.license = 'Apache-2.0'
  spec.authors = ['The Tidegate authors']
  spec.required_ruby_version = '>= 3.1'
  # The library itself may be packed into the gem, see `Tidegate.load_library`.
  spec.files = Dir['lib/**/*.rb', 'lib/tidegate/libtidegate.*', 'README.md', base: __dir__]
  spec.add_runtime_dependency 'ffi', '~> 1.15'
  spec.metadata['rubygems_mfa_required'] = 'true'
end
