# frozen_string_literal: true

require_relative "lib/tasker_core/version"

library = "lib/tasker_core/native/libtasker.so"
raise "#{library} is missing: run `make lib` in the root first" unless File.file?(File.join(__dir__, library))

Gem::Specification.new do |spec|
  spec.name = "tasker_core"
  spec.version = TaskerCore::VERSION
  spec.platform = Gem::Platform.new("x86_64-linux")
  spec.summary = "Durable workflows on PostgreSQL, with steps in Ruby"
  spec.description = "Tasker runs the steps of workflows on PostgreSQL: every state is a row there, so that a process can be " \
                     "killed at any moment and the work goes on where it was. This gem brings Tasker's core in a shared library."
  spec.authors = ["Tasker Systems"]
  spec.homepage = "https://github.com/tasker-systems/tasker-go"
  spec.license = "MIT"
  spec.metadata = { "rubygems_mfa_required" => "true" }
  spec.required_ruby_version = ">= 3.1"
  spec.files = Dir.chdir(__dir__) { Dir["lib/**/*.rb", "lib/**/*.tt", "sig/**/*.rbs", "exe/*", "README.md", library] }
  spec.bindir = "exe"
  spec.executables = %w[tasker-dev tasker-worker]
  spec.require_paths = ["lib"]
  spec.add_runtime_dependency "ffi", ">= 1.15", "< 2"
end
