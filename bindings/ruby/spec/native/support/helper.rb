# frozen_string_literal: true

require_relative "child"

# The library over a core that needs no database, and programs that use it.
module Loopback
  LIBRARY = File.join(Child::ROOT, "build", "lib", "ruby-testhooks", "libtasker.so")
  SCENARIOS = File.expand_path("../scenarios.rb", __dir__)

  # Builds the library, once.
  def self.library
    @library ||= begin
      relative = LIBRARY.delete_prefix("#{Child::ROOT}/")
      output, status = Open3.capture2e(
        File.join(Child::ROOT, "scripts", "lib-build.sh"), relative, "tasker_testhooks", chdir: Child::ROOT
      )
      raise "the library for tests cannot be built: #{output}" unless status.success?

      LIBRARY
    end
  end

  # Starts a scenario, which does not outlive the test.
  def start(scenario, *arguments, library: Loopback.library)
    child = Child.new(SCENARIOS, scenario, *arguments, environment: { "TASKER_LIBRARY_PATH" => library })
    (@children ||= []) << child
    child
  end

  # Runs a scenario to its end, and returns what it told last.
  def play(scenario, *arguments, **options)
    code, output, errors = start(scenario, *arguments, **options).finish
    expect([code, errors.lines.grep(/warning:/)]).to eq([0, []]), "#{code}\n#{output}\n#{errors}"
    JSON.parse(output.lines.last)
  end
end

RSpec.configure do |config|
  config.include Loopback, native: true
  config.after(:each, native: true) { @children&.each(&:kill) }
end
