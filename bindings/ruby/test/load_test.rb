# frozen_string_literal: true

require_relative 'test_helper'
require 'fileutils'

class LoadTest < TidegateTest
  LIB = File.expand_path('../lib', __dir__)

  # Runs a program in a process that has not loaded the library, and returns what it prints.
  def ruby(program, library: '', lib: LIB)
    said, = Open3.capture2e({ 'TIDEGATE_LIBRARY' => library.to_s }, RbConfig.ruby, '-I', lib,
                            '-e', "require 'tidegate'; #{program}")
    said
  end

  def test_by_path_environment_and_folder
    assert_match(/so\n\z/, ruby("puts Tidegate.load_library(#{LocalServer::LIBRARY.inspect})"))
    assert_equal "#{LocalServer::LIBRARY}\n", ruby('puts Tidegate.load_library', library: LocalServer::LIBRARY)
    Dir.mktmpdir do |dir|
      FileUtils.cp_r("#{LIB}/.", dir)
      FileUtils.ln_s(LocalServer::LIBRARY, File.join(dir, 'tidegate', 'libtidegate.so'))
      assert_equal "#{dir}/tidegate/libtidegate.so\n", ruby('puts Tidegate.load_library', lib: dir)
    end
  end

  def test_a_library_that_is_not_there_names_every_place_tried
    said = ruby("Tidegate::User.new('ada')", library: '/no/such/library.so')
    assert_match(%r{TIDEGATE_LIBRARY.*Tried:.*^  /no/such/library.so: }m, said)
    said = ruby("Tidegate::User.new('ada')")
    assert_match(%r{#{LIB}/tidegate/libtidegate.so: }, said)
    assert_match(/  libtidegate.so: .*  libtidegate.so.1: /m, said)
  end

  def test_another_library_and_another_abi_are_refused
    assert_match(/is not the Tidegate library/, ruby("Tidegate.load_library('libc.so.6')"))
    Dir.mktmpdir do |dir|
      source = File.join(dir, 'old.c')
      library = File.join(dir, 'old.so')
      File.write(source, 'unsigned tidegate_abi_version(void) { return 2u << 16 | 7; }')
      assert system('cc', '-shared', '-fPIC', '-o', library, source)
      assert_match(/#{library} has ABI 2\.7, this gem needs 1\.\d+/, ruby("Tidegate.load_library('#{library}')"))
    end
  end

  def test_another_path_after_loading_is_refused
    assert_equal Tidegate.load_library, Tidegate.load_library(LocalServer::LIBRARY)
    assert_raises(Tidegate::LibraryError) { Tidegate.load_library(__FILE__) }
  end

  def test_what_was_loaded
    assert_equal Tidegate::VERSION, Tidegate.library_version
    assert_equal 'debug', Tidegate.build_info['profile'] unless ENV.key?('TIDEGATE_PROFILE')
  end
end
