# frozen_string_literal: true

require "tasker_core"
require_relative "support/helper"

# Forks, signals, exits and rest: what a library must not spoil for the program around it.
RSpec.describe TaskerCore::ForkedError, native: true do
  forked = TaskerCore::Native::Status::E_FORKED

  %w[fork syscall].each do |how|
    it "is what a child made by #{how} gets, and the parent goes on" do
      seen = play("forks", how)
      parent, child = seen["pids"]
      %w[status library open poll].each do |call|
        error = seen["child"][call]
        expect(error.values_at("class", "code")).to eq(["ForkedError", forked])
        expect(error["message"]).to include("started in process #{parent}", "on_worker_boot", "this is process #{child}")
      end
      expect(seen["child"]["loaded"]).to be(false)
      expect(seen.values_at("exit", "parent")).to eq([0, 6])
    end
  end

  it "is not what a child gets that was forked before the core was used" do
    expect(play("forks_before_loading")).to eq("exit" => 0, "mapped" => false)
  end

  it "can be prevented by a process that forbids the core until it has forked" do
    expect(play("prevented")).to eq(
      "message" => "Tasker was started too early: handlers are loaded before the fork", "exit" => 0
    )
  end
end

RSpec.describe TaskerCore::Native::Waiting, native: true do
  places = %w[open call poll stop join]

  places.each do |where|
    it "does not hold up Ctrl-C in #{where}" do
      took = quickest(0.1) do
        child = start("interrupted", where)
        child.told
        sleep(0.3) # it waits by then; if it does not yet, the interrupt comes before the wait, which is no less good
        sent = child.signal("INT")
        told = child.told
        expect(told["interrupted"]).to be(true)
        expect(child.finish.first).to eq(0)
        told["at"] - sent
      end
      expect(took).to be < 0.1
    end

    it "does not hold up Timeout in #{where}" do
      took = quickest(0.7) do
        seen = play("timeouts", where)
        expect(seen["timed_out"]).to be(true)
        seen["took"]
      end
      expect(took).to be < 0.7
    end

    it "does not hold up Thread#kill in #{where}" do
      expect(quickest(0.2) { play("killed", where)["took"] }).to be < 0.2
    end
  end

  { "return" => 0, "exit" => 7, "exception" => 1 }.each do |how, code|
    it "does not hold up the end of the program by #{how}, whatever its threads do" do
      took = quickest(2.0) do
        child = start("exits", how)
        at = child.told["at"]
        expect(child.finish.first).to eq(code)
        Time.now.to_f - at
      end
      expect(took).to be < 2.0
    end
  end

  it "does not hold up the end of a program that gave up opening a worker" do
    took = quickest(3.0) do
      child = start("exits_while_opening")
      at = child.told["at"]
      expect(child.finish.first).to eq(5)
      Time.now.to_f - at
    end
    expect(took).to be < 3.0
  end
end

RSpec.describe TaskerCore::Worker::Poller, native: true do
  it "costs next to nothing while there is nothing to do" do
    expect(quickest(5) { play("idle", 4)["cpu_ms_per_s"] }).to be < 5
  end

  it "leaves handlers of trap alone, and has them run on a stack of their own" do
    seen = play("traps")
    expect(seen["seen"]).to eq(%w[USR1 USR2])
    expect(seen["hardened"]).to be >= 1
    expect(seen["again"]).to be <= 1, "HUP was trapped after that"
    expect(seen["in_trap"]).to be(true)
  end

  it "is not started within a handler of trap, which is told what to do instead" do
    seen = play("loads_in_trap")
    expect(seen["message"]).to include("push to a Thread::Queue")
    expect(seen["mapped"]).to be(false)
  end
end
