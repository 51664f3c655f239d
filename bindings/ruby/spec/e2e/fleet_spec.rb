# frozen_string_literal: true

require_relative "support/helper"

# Several servers and several workers on one database.
RSpec.describe TaskerCore::Worker, e2e: true do
  before { EndToEnd.database }
  after { EndToEnd.cancel_tasks }

  it "shares a burst of tasks with other workers, and each step runs once (W14)" do
    servers = Array.new(2) { program("server", "--bind", "127.0.0.1:0", "--templates", "templates", runs: EndToEnd.tasker) }
    servers.each { |server| server.logged(/127\.0\.0\.1:\d+/) }
    workers = Array.new(2) do |i|
      program("#{Child::BINDING}/exe/tasker-worker", "--handlers", "handlers.rb", "--role", "worker", "--threads", 4, "--worker-id", "w-#{i}")
    end
    workers.each { |worker| worker.logged(/serves/) }
    client = TaskerCore::Client.new(settings: EndToEnd.settings)
    tasks = Array.new(25) do
      client.create_task(name: "waits", namespace: "waits_rb", context: { seconds: 0.1, tell: true }).task_uuid
    end
    expect(tasks.map { |task| client.wait_for_task(task).status }).to eq(["complete"] * 25)
    ran = workers.map do |worker|
      worker.signal("TERM")
      worker.finish(timeout: 30)[1].lines.map { |line| JSON.parse(line)["task"] }
    end
    expect(ran.flatten.sort).to eq(tasks.sort), "each once"
    expect(ran.map(&:size)).to all(be_positive)
    expect(tasks.flat_map { |task| client.list_task_steps(task).map(&:attempts) }).to eq([1] * 25)
  ensure
    client&.close
  end
end
