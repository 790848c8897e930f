# frozen_string_literal: true

require_relative 'test_helper'

class SignaturesTest < TidegateTest
  INCLUDE = File.join(LocalServer::ROOT, 'include')
  CDEF = File.read(File.join(INCLUDE, 'tidegate_cdef.h'))
  S = Tidegate::Signatures

  SCALARS = { 'int32_t' => :int32, 'uint32_t' => :uint32, 'int64_t' => :int64, 'uint64_t' => :uint64,
              'size_t' => :size_t, 'double' => :double, 'void' => :void, 'tidegate_status' => :int32,
              'tidegate_options' => :uint64, 'tidegate_client' => :uint64, 'tidegate_user' => :uint64,
              'tidegate_result' => :uint64 }.freeze
  # Static texts come as Strings, all others as addresses.
  STATIC = %i[tidegate_version tidegate_build_info tidegate_status_name].freeze
  # The callbacks of the structs, by the names that the table gives them.
  MEMBERS = { log: :log, get: :data_store_get, set: :data_store_set, shutdown: :data_store_shutdown,
              supports_polling: :data_store_supports_polling }.freeze
  TYPES = { destroy: :destroy, metric: :metric, evaluation: :evaluation, rules: :rules, flush: :flush,
            error: :error }.freeze

  # Bound, but not called by the gem.
  UNUSED = {
    tidegate_before_fork: 'Ruby forks through the C library, which tells the library by itself',
    tidegate_after_fork_parent: 'as above',
    tidegate_after_fork_child: 'as above'
  }.freeze

  def ffi_type(text)
    text = text.strip.sub(/\b\w+\z/, '') unless SCALARS.key?(text.strip) || text.strip.end_with?('*')
    text = text.gsub(/\bconst\b|\bstruct\b/, '').strip
    return :pointer if text.end_with?('*', '_fn')

    SCALARS.fetch(text)
  end

  def arguments(text)
    text.strip == 'void' ? [] : text.split(',').map { |argument| ffi_type(argument) }
  end

  def declared_functions
    CDEF.scan(/^([a-z_0-9 *]+?)(tidegate_\w+)\(([^;{]*)\);/m).to_h do |result, name, given|
      name = name.to_sym
      result = STATIC.include?(name) ? :string : ffi_type(result.strip)
      [name, [arguments(given), result]]
    end
  end

  def test_every_exported_function_is_in_the_table_in_order
    assert_equal File.readlines(File.join(INCLUDE, 'exports.txt'), chomp: true).map(&:to_sym).sort,
                 S::FUNCTIONS.keys.sort
    assert_equal declared_functions.keys, S::FUNCTIONS.keys
  end

  def test_every_function_has_the_types_of_the_header
    declared_functions.each { |name, types| assert_equal types, S::FUNCTIONS.fetch(name), name }
  end

  def test_every_function_is_used_or_named_with_a_reason
    sources = Dir[File.expand_path('../lib/**/*.rb', __dir__)].reject { |path| path.end_with?('signatures.rb') }
    text = sources.map { |path| File.read(path) }.join
    setters = %i[evaluation rules flush error].map { |name| :"tidegate_options_set_#{name}_callback" }
    used = S::FUNCTIONS.keys.select { |name| text.match?(/#{name}\b/) } + setters
    assert_equal S::FUNCTIONS.keys.sort, (used + UNUSED.keys).sort
  end

  def test_every_callback_has_the_types_of_the_header
    found = {}
    CDEF.scan(/^\s*typedef (\w+) \(\*tidegate_(\w+)_fn\)\(([^;]*)\);/m) do |result, name, given|
      found[TYPES[name.to_sym]] = [arguments(given), ffi_type(result)] if TYPES.key?(name.to_sym)
    end
    CDEF.scan(/^  (\w+) \(\*(\w+)\)\(([^;]*)\);/m) do |result, name, given|
      found[MEMBERS.fetch(name.to_sym)] = [arguments(given), ffi_type(result)]
    end
    assert_equal S::CALLBACKS.to_h, found.slice(*S::CALLBACKS.keys)
    assert_equal S::CALLBACKS.size, found.size
  end

  def test_every_struct_has_the_members_of_the_header
    structs = { 'flush_info' => S::FlushInfo, 'eval_times' => S::EvalTimes, 'log_vtable' => S::LogVtable,
                'data_store_vtable' => S::DataStoreVtable, 'metrics_vtable' => S::MetricsVtable }
    declared = CDEF.scan(/^typedef struct tidegate_(\w+) \{(.*?)^\}/m).to_h
    assert_equal structs.keys.sort, declared.keys.sort
    structs.each do |name, type|
      members = declared.fetch(name).gsub(/\w+ \(\*(\w+)\)\([^;]*\);/m, 'tidegate_x_fn \\1;')
      expected = members.split(';').map(&:strip).reject(&:empty?).map do |member|
        [member[/\w+\z/].to_sym, FFI.find_type(ffi_type(member))]
      end
      actual = type.new.layout.fields.map { |field| [field.name, field.type] }
      assert_equal expected, actual, name
    end
  end

  def test_numbers_are_those_of_the_header
    enum = CDEF.scan(/TIDEGATE_(\w+) = (-?\d+)/).to_h.transform_values(&:to_i)
    assert_equal [enum['ABI_MAJOR'], enum['ABI_MINOR']], [S::ABI_MAJOR, S::ABI_MINOR]
    assert_equal enum['EVAL_NO_EXPOSURE'], Tidegate::Text::NO_EXPOSURE
    Tidegate::Kind::NUMBERS.each { |name, number| assert_equal enum.fetch(name.to_s.upcase), number }
    without_class = %w[E_NULL E_NOMEM E_PANIC E_ABI]
    errors = enum.select { |name, _| name.start_with?('E_') && !without_class.include?(name) }
    classes = errors.each_value.map { |number| Tidegate::Error.from_status(number, '').class }
    assert_equal errors.size, (classes - [Tidegate::Error]).uniq.size
  end
end
