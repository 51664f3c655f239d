# frozen_string_literal: true

require_relative "support/helper"

# The commands that come with the gem, as people run them.
RSpec.describe TaskerCore::Client, e2e: true do
  before { EndToEnd.database }

  let(:worker) { "#{Child::BINDING}/exe/tasker-worker" }
  let(:dev) { "#{Child::BINDING}/exe/tasker-dev" }
  let(:serve) { ["--handlers", "handlers.rb", "--templates", "templates"] }
  let(:client) { described_class.new(settings: EndToEnd.settings) }

  after do
    EndToEnd.cancel_tasks
    client.close
  end

  def wait_task(**context)
    client.create_task(name: "waits", namespace: "waits_rb", context: context)
  end

  def alive?(pid)
    Process.kill(0, pid)
    File.read("/proc/#{pid}/stat").split(") ").last[0] != "Z"
  rescue Errno::ESRCH, Errno::ENOENT
    false
  end

  it "lets handlers finish at the first SIGTERM" do
    server = program(worker, *serve, "--worker-id", "named-one")
    server.logged(/worker named-one serves/)
    Dir.mktmpdir do |folder|
      task = wait_task(seconds: 60, tell: true, deaf: true, until: "#{folder}/end")
      expect(server.told["began"]).to eq(0)
      server.signal("TERM")
      server.logged(/stopping; 1 steps run/)
      FileUtils.touch("#{folder}/end")
      expect(server.finish.first).to eq(0)
      expect(client.get_task(task.task_uuid).total_steps).to eq(1)
      expect(client.list_task_steps(task.task_uuid).first.results["success"]).to be(true)
    end
  end

  it "gives steps back at the second SIGTERM" do
    server = program(worker, *serve)
    server.logged(/serves/)
    task = wait_task(seconds: 60, tell: true, deaf: true)
    server.told
    server.signal("TERM")
    server.logged(/stopping; 1 steps run/)
    sent = server.signal("TERM")
    expect(server.finish.first).to eq(0)
    expect(Time.now.to_f - sent).to be < 20, "its handler had half a minute"
    expect(client.list_task_steps(task.task_uuid).first.attempts).to eq(0)
    client.cancel_task(task.task_uuid)
  end

  it "logs the status at SIGUSR1" do
    server = program(worker, *serve)
    server.logged(/serves/)
    server.signal("USR1")
    expect(JSON.parse(server.logged(/status: (\{.*\})/)[1])).to include("running" => true, "slots" => 10)
    server.signal("INT")
    expect(server.finish.first).to eq(0)
  end

  {
    ["--set", "worker.lease_ms=no"] => [2, "worker.lease_ms"], ["--set", "worker.colour=red"] => [2, "worker.colour"],
    ["--handlers", "no_such_library"] => [2, "no_such_library"], ["--handlers", "no/such.rb"] => [2, "no/such.rb: no such file"],
    ["--no-such-option"] => [2, "no-such-option"], ["--threads", "0"] => [2, "must be 1 or more"],
    ["--set", "database.url=postgres://127.0.0.1:1/none"] => [4, "did not start"]
  }.each do |arguments, (code, message)|
    it "says what keeps it from starting, and ends with #{code}: #{arguments.join(" ")}" do
      ended, _, log = program(worker, *arguments).finish(timeout: 80)
      expect([ended, log]).to match([code, include(message)])
    end
  end

  it "ends with a code of its own when the library cannot be loaded" do
    code, _, log = program(worker, TASKER_LIBRARY_PATH: "/nowhere/libtasker.so").finish
    expect([code, log]).to match([3, include("/nowhere/libtasker.so")])
  end

  it "runs processes, and starts one again that dies" do
    supervisor = program(worker, "--processes", 2, "--threads", 2, *serve, TASKER_WORKER_ID: "flock")
    pids = [1, 2].map { |n| Integer(supervisor.logged(/worker #{n} runs as process (\d+)/)[1]) }
    [1, 2].each { |n| supervisor.logged(/worker flock-#{n} serves/) }
    expect(File.read("/proc/#{supervisor.pid}/maps")).not_to include("libtasker"), "the supervisor itself never loads the core"
    Process.kill("KILL", pids[0])
    supervisor.logged(/worker 1 ended by SIGKILL; it is started again in 1 s/)
    pids[0] = Integer(supervisor.logged(/worker 1 runs as process (?!#{pids[0]}\b)(\d+)/)[1])
    supervisor.logged(/flock-1 serves.*flock-1 serves/m)
    tasks = Array.new(4) { wait_task(seconds: 0.2) }
    expect(tasks.map { |task| client.wait_for_task(task.task_uuid).status }).to eq(["complete"] * 4)
    supervisor.signal("TERM")
    expect(supervisor.finish.first).to eq(0)
    expect(pids.map { |pid| alive?(pid) }).to eq([false, false])
  end

  it "has a second signal to the supervisor reach children that had no time to take the first" do
    supervisor = program(worker, "--processes", 2, *serve)
    pids = [1, 2].map { |n| Integer(supervisor.logged(/worker #{n} runs as process (\d+)/)[1]) }
    supervisor.logged(/serves.*serves/m)
    task = wait_task(seconds: 60, tell: true, deaf: true)
    supervisor.told
    pids.each { |pid| Process.kill("STOP", pid) }
    supervisor.signal("TERM")
    supervisor.logged(/stopping when the steps that run are done/)
    sent = supervisor.signal("TERM")
    supervisor.logged(/stopping at once/)
    pids.each { |pid| Process.kill("CONT", pid) }
    expect(supervisor.finish.first).to eq(0)
    expect(Time.now.to_f - sent).to be < 20
    client.cancel_task(task.task_uuid)
  end

  it "leaves no children behind when the supervisor is killed" do
    supervisor = program(worker, "--processes", 2, *serve)
    pids = [1, 2].map { |n| Integer(supervisor.logged(/worker #{n} runs as process (\d+)/)[1]) }
    supervisor.logged(/serves.*serves/m)
    supervisor.signal("KILL")
    eventually { pids.none? { |pid| alive?(pid) } }
  end

  it "gives up where starting again would not help" do
    code, _, log = program(worker, "--processes", 2, "--set", "worker.colour=red").finish
    expect([code, log]).to match([2, include("cannot run with this configuration")])
  end

  it "tries a task out, and shows how it goes" do
    code, output, log = program(
      dev, "handlers.rb", "--templates", "templates", "--run", "linear_workflow_rb/mathematical_sequence_rb",
      "--context", JSON.generate(even_number: 6)
    ).finish
    expect(code).to eq(0), log
    expect(output).to match(/divide +complete  \{"value":69\}/)
    expect(output).to match(/task \S+ is complete after/)
  end

  it "tells of a task that fails" do
    code, output, = program(
      dev, "handlers.rb", "--templates", "templates", "--run", "errors_rb/fails", "--context", JSON.generate(how: "permanent")
    ).finish
    expect([code, output]).to match([1, include("attempt 1 of 3: permanent_error: the order is closed")])
  end
end
