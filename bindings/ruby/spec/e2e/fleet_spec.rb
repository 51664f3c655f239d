# frozen_string_literal: true

require_relative "support/helper"

# Several servers and several workers on one database.
RSpec.describe TaskerCore::Worker, e2e: true do
  before { EndToEnd.database }
  after { EndToEnd.cancel_tasks }

  # A burst in each form, of which the same servers and workers take both: starting them costs more than the tasks.
  it "shares a burst of tasks with other workers, and each step runs once (W14, class and dsl)" do
    servers = Array.new(2) { program("server", "--bind", "127.0.0.1:0", "--templates", EndToEnd.forms, runs: EndToEnd.tasker) }
    remotes = servers.map { |server| TaskerCore::Client.new(url: server.line[/ready url=(\S+)/, 1]) }
    workers = Array.new(2) do |i|
      program("#{Child::BINDING}/exe/tasker-worker", "--handlers", "handlers.rb", "--role", "worker", "--threads", 4, "--worker-id", "w-#{i}")
    end
    workers.each { |worker| worker.logged(/serves/) }
    client = TaskerCore::Client.new(settings: EndToEnd.settings)
    folder = Dir.mktmpdir
    context = { seconds: 60, tell: true, until: "#{folder}/all-at-work" }
    tasks = %w[class dsl].flat_map do |form|
      Array.new(25) { |i| remotes[i % 2].create_task(name: "waits_#{form}", namespace: "waits_rb", context: context).task_uuid }
    end
    ran = workers.map { |worker| [worker.told["task"]] }
    FileUtils.touch(context[:until])
    expect(tasks.map { |task| client.wait_for_task(task).status }).to eq(["complete"] * 50)
    workers.zip(ran) do |worker, told|
      worker.signal("TERM")
      told.concat(worker.finish[1].lines.map { |line| JSON.parse(line)["task"] })
    end
    expect(ran.flatten.sort).to eq(tasks.sort), "each once"
    expect(tasks.flat_map { |task| client.list_task_steps(task).map(&:attempts) }).to eq([1] * 50)
  ensure
    FileUtils.rm_rf(folder) if folder
    [client, *remotes].compact.each(&:close)
  end
end
