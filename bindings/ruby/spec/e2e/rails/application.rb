# frozen_string_literal: true

# A small application with Rails, in the folder that the test made: `application.rb COMMAND ARGUMENTS...`.

require "json"
require "logger"
require "rails"
require "active_job/railtie"
require "tasker_core"

# The application.
class Shop < Rails::Application
  config.root = Dir.pwd
  config.eager_load = false
  config.logger = Logger.new("log.txt")
  config.active_job.queue_adapter = :tasker
end

# Writes down what it was given, or fails.
class NoteJob < ActiveJob::Base
  retry_on(ArgumentError, wait: 0, attempts: 3)

  def perform(word, tries)
    File.write("notes.txt", "#{word} #{executions}\n", mode: "a")
    raise ArgumentError, "not yet" if executions < tries
    raise "broken" if word == "break"
  end
end

case ARGV.shift
when "generate"
  Shop.initialize!
  require "rails/generators"
  Rails::Generators.invoke(ARGV.shift, ARGV)
when "run"
  Shop.initialize!
  Rails.application.eager_load!
  wrapped = 0
  Rails.application.reloader.before_class_unload { nil }
  Rails.application.executor.to_run { wrapped += 1 }
  workflow = Object.const_get(ARGV.shift)
  TaskerCore::Worker.start(workflows: [workflow], log_level: "warn") do
    puts JSON.generate(results: workflow.perform_async(item: 1).wait(timeout: 30).results, wrapped: wrapped)
  end
when "jobs"
  Shop.initialize!
  TaskerCore::Worker.start(workflows: [TaskerCore::ActiveJob::Workflow], log_level: "warn") do
    jobs = [NoteJob.perform_later("once", 1), NoteJob.perform_later("again", 2), NoteJob.perform_later("break", 1)]
    later = NoteJob.set(wait: 0.2).perform_later("later", 1)
    states = [*jobs, later].map { |job| TaskerCore::Client.wait_for_task(job.provider_job_id, timeout: 30).status }
    Timeout.timeout(30) { sleep(0.02) until File.read("notes.txt").include?("again 2") }
    puts JSON.generate(states: states, notes: File.readlines("notes.txt", chomp: true).sort)
  end
end
