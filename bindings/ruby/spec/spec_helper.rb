# frozen_string_literal: true

$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))

# Warnings about this gem's own files are failures; those of others are not ours to mend.
module OwnWarnings
  HERE = File.expand_path("..", __dir__)

  def warn(message, ...)
    raise "a warning of this gem: #{message}" if message.start_with?(HERE) || message.include?("#{HERE}/lib")

    super
  end
end
Warning.extend(OwnWarnings)

Dir[File.join(__dir__, "support", "*.rb")].each { |file| require file }

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.expect_with(:rspec) { |expectations| expectations.include_chain_clauses_in_custom_matcher_descriptions = true }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }
  config.raise_errors_for_deprecations!
  config.example_status_persistence_file_path = nil
end
