# frozen_string_literal: true

require "tasker_core"
require_relative "support/helper"

# Steps between the library and an attempt, over a core without a database.
RSpec.describe TaskerCore::Worker::Attempt, native: true do
  it "can be answered once" do
    seen = play("attempts")
    expect(seen.slice("accepted", "twice", "heartbeat_late")).to eq("accepted" => true, "twice" => false, "heartbeat_late" => false)
    expect(seen.slice("heartbeat", "released", "released_twice")).to eq(
      "heartbeat" => true, "released" => true, "released_twice" => false
    )
    expect(seen.values_at("checkpoint", "checkpoint_twice", "resumed")).to eq([true, false, { "page" => 3 }])
    expect(seen["refused"]["details"]["key"]).to eq("success")
    expect(seen.values_at("not_json", "nul")).to eq([true, true])
    expect(seen["counts"]).to eq("made" => 5, "succeeded" => 2, "failed" => 2, "released" => 1, "checkpoints" => 1)
  end

  it "tells its handler when the step is taken away" do
    expect(play("cancelled")).to eq(
      "same" => true, "reason" => "cancelled", "heartbeat" => false, "raised" => "StepCancelledError", "cancelled" => true,
      "accepted" => false
    )
  end

  it "drops a result that comes after the timeout, which the core counts" do
    expect(play("timed_out")).to eq("reason" => "timeout", "accepted" => false, "late" => 1)
  end

  it "loses no result while the core has no room" do
    seen = play("busy")
    expect(seen["held"]).to be >= 1
    expect(seen.values_at("impatient", "patient", "done")).to eq([-20, true, [true] * 25])
  end

  it "is waited for when the worker stops, which ends all polls" do
    took = quickest(2) do
      seen = play("stopping")
      expect(seen.values_at("early", "stopped", "completed", "closed", "ended", "live")).to eq(
        [false, true, 1, true, [true, true, true], 0]
      )
      seen["took"]
    end
    expect(took).to be < 2
  end

  it "leaves nothing behind when workers come and go" do
    seen = play("restarts", 600)
    (rss_before, fds_before, threads_before), (rss_after, fds_after, threads_after) = seen.values_at("before", "after")
    expect(rss_after - rss_before).to be < 3_000, "kB over 300 of them"
    expect(fds_after).to be <= fds_before
    expect(threads_after).to be <= threads_before + 10, "the Go runtime may add threads of its own on a busy machine"
    expect(seen["live"]).to eq(0)
  end

  it "is freed with its worker when nobody can reach that any more" do
    expect(play("dropped", 100)["fds"]).to be < 60
  end

  it "keeps memory flat over many round trips" do
    seen = play("round_trips", 100_000)
    early, late = seen["rss_kb"]
    expect(late - early).to be < 4_000, "kB over 75 000 round trips"
    expect(seen["live"]).to eq(0)
  end

  it "is answered once, whatever the handlers around it do" do
    expect(play("all_kinds", 3000)).to eq("completed" => 3000, "unsent" => 0, "live" => 0)
  end

  it "is polled long before a sleeping poller would" do
    expect(quickest(1_250) { play("latency", 300)["p50_us"] }).to be < 1_250, "a poller that sleeps 10 ms takes 5 ms"
  end

  it "is polled in the library once after another, where nothing else is held up by that" do
    expect(play("soon")).to eq("in_a_thread" => 1, "without_a_timeout" => 0, "in_the_main_thread" => 0, "in_a_fiber" => 0)
  end

  it "is not lost when the thread that polls it is interrupted" do
    expect(play("disturbed", 500)).to eq("completed" => 500, "noticed" => true, "live" => 0)
  end

  it "lets other fibers run while one waits for a step" do
    seen = play("fibers")
    expect(seen["taken"]).to eq(1)
    expect(seen["ticks"]).to eq(20)
    expect(seen["ticks_before"]).to be_between(1, 20)
  end
end
