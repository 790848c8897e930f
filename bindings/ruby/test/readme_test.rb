# frozen_string_literal: true

require_relative 'test_helper'
require 'tempfile'

class ReadmeTest < TidegateTest
  README = File.expand_path('../README.md', __dir__)
  API = 'http://127.0.0.1:8181/v1'

  def test_the_programs_run_and_print_what_it_says
    text = File.read(README)
    assert_includes text, API
    programs = text.scan(/^```ruby\n(.*?)^```$/m).flatten
    assert_operator programs.size, :>=, 5
    Tempfile.create(['readme', '.rb']) do |file|
      file.write(programs.join.gsub(API, server.api))
      file.flush
      said, status = Open3.capture2e(RbConfig.ruby, '-I', File.expand_path('../lib', __dir__), file.path)
      assert status.success?, said
      assert_equal text[/^```text\n(.*?)^```$/m, 1], said
    end
  end
end
