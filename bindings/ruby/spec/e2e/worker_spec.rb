# frozen_string_literal: true

require_relative "support/helper"

# The life of a worker, in programs of its own.
RSpec.describe TaskerCore::Worker, e2e: true do
  before { EndToEnd.database }

  # Tasks that a program left would be taken by the next one.
  after { EndToEnd.cancel_tasks }

  def written(path)
    eventually(within: 60) { File.size?(path) }
    JSON.parse(File.read(path))
  end

  it "is started once, by whichever of many threads is first (D16)" do
    expect(play("together", 10)).to eq("ids" => 1, "running" => false)
  end

  it "is asked for by what needs one (D17)" do
    seen = play("without_a_worker")
    expect(seen.values_at("running", "rust", "health", "status", "handle", "metrics", "shutdown")).to eq(
      [false, false, false, "stopped", nil, nil, nil]
    )
    expect(seen.values_at("with", "poller")).to all(include("WorkerNotInitializedError", "Bootstrap.start!"))
  end

  it "can be started again in the same process (D15)" do
    seen = play("restarted", 3)
    expect(seen["seen"]).to eq([[true, 66.5, false]] * 3)
    expect(seen["threads"]).to contain_exactly("", "tasker-log")
    expect(seen.values_at("live", "hooks")).to eq([0, 3])
  end

  it "passes domain events on to the program" do
    expect(play("events")).to eq("name" => "own.event", "same" => true, "active" => false, "delivered" => 1)
  end

  it "has the publishers shape the events of steps whose templates name them" do
    expect(play("publishers")).to eq("event" => ["payment.processed", { "paid" => 0 }, "step"], "frozen" => true)
  end

  { "idle" => 0, "busy" => 0, "exception" => 1 }.each do |how, code|
    it "gives its step back when a program ends that forgot to stop it (#{how})" do
      child = program(File.join(EndToEnd::HERE, "programs.rb"), "leaves", how)
      expect(child.told["began"]).to eq(0) unless how == "idle"
      at = child.told["at"]
      expect(child.finish.first).to eq(code)
      expect(Time.now.to_f - at).to be < 30, "its handler would take a minute"
      next if how == "idle"

      other = program(File.join(EndToEnd::HERE, "programs.rb"), "leaves", "idle")
      other.kill
      again = program("#{Child::BINDING}/exe/tasker-worker", "--handlers", "handlers.rb", "--templates", "templates", "--grace", "0")
      expect(again.told["began"]).to eq(0), "given back at once, and without having used up an attempt"
      2.times { again.signal("TERM") }
      expect(again.finish.first).to eq(0)
    end
  end

  it "does not keep Ctrl-C from a program" do
    took = quickest(0.1) do
      child = program(File.join(EndToEnd::HERE, "programs.rb"), "interrupted")
      child.told
      sent = child.signal("INT")
      told = child.told["at"] - sent
      expect(child.told).to include("stopped")
      expect(child.finish.first).to eq(0)
      EndToEnd.cancel_tasks
      told
    end
    expect(took).to be < 0.1
  end

  it "can be shut down in a handler of trap" do
    child = program(File.join(EndToEnd::HERE, "programs.rb"), "traps")
    child.told
    child.signal("TERM")
    expect(child.told).to eq("running" => false)
    expect(child.finish.first).to eq(0)
  end

  it "stays with the parent of a fork, whose child is told what to do" do
    seen = play("forked")
    child = seen["child"]
    expect(child["start"]).to start_with("ForkedError: ").and include("on_worker_boot")
    expect(child["client"]).to start_with("ForkedError: ")
    expect(child.values_at("running", "shutdown", "status")).to eq([false, nil, false])
    expect(seen.values_at("exit", "parent")).to eq([0, 66.5])
  end

  it "runs in each of the children that a parent forks which only loaded the code" do
    expect(play("forks_for_jobs", 3)).to eq("results" => [66.5] * 3, "exits" => [0] * 3, "loaded" => false)
  end

  it "runs in a daemon that was made before it was started" do
    Dir.mktmpdir do |folder|
      program(File.join(EndToEnd::HERE, "programs.rb"), "daemon", "#{folder}/told")
      expect(written("#{folder}/told")["value"]).to eq(66.5)
    end
  end

  it "says what is wrong in a daemon that was made too late" do
    Dir.mktmpdir do |folder|
      program(File.join(EndToEnd::HERE, "programs.rb"), "daemon_too_late", "#{folder}/told")
      expect(written("#{folder}/told")["error"]).to include("ForkedError", "Process.daemon")
    end
  end
end
