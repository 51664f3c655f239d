# frozen_string_literal: true

# A web application that creates tasks, and runs their steps in its own processes.

require "json"
require_relative "../handlers"

answer = lambda do |value|
  [200, { "Content-Type" => "application/json" }, [JSON.generate(value)]]
end

run(lambda do |env|
  case env["PATH_INFO"]
  when "/run"
    run = E2E::DiamondWorkflow.perform_async(even_number: 6).wait(timeout: 30)
    answer.call("pid" => Process.pid, "value" => run.results["average"]["value"])
  when "/status"
    worker = TaskerCore::Worker::Bootstrap.instance
    answer.call("pid" => Process.pid, "running" => worker.running?, "error" => $boot_error) # rubocop:disable Style/GlobalVars
  else
    [404, {}, []]
  end
end)
