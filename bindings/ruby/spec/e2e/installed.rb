# frozen_string_literal: true

# Tries an installed gem: `installed.rb FOLDER_FOR_POSTGRESQL`. It needs nothing but the gem.

require "tasker_core"

class InstalledWorkflow < TaskerCore::Workflow
  namespace "installed"

  step(:price) { |items:| items.sum }
  step(:charge) { |price:| { charged: price } }
end

settings = { "database.url" => "", "database.data_dir" => ARGV.fetch(0) }
TaskerCore::Worker.start(workflows: [InstalledWorkflow], settings: settings, log_level: "warn") do
  run = InstalledWorkflow.perform_async(items: [1, 2, 3]).wait(timeout: 30)
  raise run.results.inspect unless run.results == { "price" => 6, "charge" => { "charged" => 6 } }

  tasks = TaskerCore::Client.list_tasks(namespace: "installed").tasks
  raise tasks.inspect unless tasks.map { |task| task.to_h[:status] } == ["complete"]
end
library = TaskerCore::Native.library
raise library.path unless library.path.start_with?(ENV.fetch("GEM_HOME"))
raise "#{library.live_buffers} buffers were not freed" unless library.live_buffers.zero?

puts "tasker_core #{TaskerCore::VERSION} with #{library.version} ran a workflow on Ruby #{RUBY_VERSION}"
