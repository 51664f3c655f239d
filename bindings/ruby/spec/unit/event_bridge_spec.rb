# frozen_string_literal: true

require "tasker_core"

RSpec.describe TaskerCore::Worker::EventBridge do
  let(:bridge) { described_class.send(:new) }
  let(:heard) { [] }

  before { allow(TaskerCore::Logger.instance).to receive(:error) }

  def listen(name)
    bridge.subscribe(name) { |event| heard << [name, event] }
  end

  it "passes on what a worker was given and what came of it, until a listener is forgotten" do
    kept = listen(described_class::STEP_EXECUTION_RECEIVED)
    forgotten = listen(described_class::STEP_COMPLETION_SENT)
    bridge.received({ "event_id" => "e" })
    bridge.unsubscribe(described_class::STEP_COMPLETION_SENT, forgotten)
    bridge.sent({ "event_id" => "e" }, { "success" => true })
    expect(heard.map { |name, event| [name, event[:event_id]] }).to eq([[described_class::STEP_EXECUTION_RECEIVED, "e"]])
    expect(bridge.listener_count(described_class::STEP_EXECUTION_RECEIVED)).to eq(1)
    bridge.unsubscribe(described_class::STEP_EXECUTION_RECEIVED, kept)
    expect(described_class::EVENTS.map { |name| bridge.listener_count(name) }.sum).to eq(0)
  end

  it "tells of results and of checkpoints by names of their own" do
    described_class::EVENTS.each { |name| listen(name) }
    bridge.sent({ "event_id" => "e" }, { "success" => true, "result" => { "cents" => 5 } })
    bridge.sent({ "event_id" => "e" }, { "cursor" => 5 })
    expect(heard.map(&:first)).to eq([described_class::STEP_COMPLETION_SENT, described_class::STEP_CHECKPOINT_YIELD_SENT])
    expect(heard[0][1][:result][:cents]).to eq(5)
  end

  it "does not hold up a worker whose step returned what contains itself" do
    cycle = []
    cycle << cycle
    listen(described_class::STEP_COMPLETION_SENT)
    listen(described_class::BRIDGE_ERROR)
    bridge.sent({ "event_id" => "e" }, { "success" => true, "result" => cycle })
    expect(heard.map { |name, event| [name, event["error"].class] }).to eq([[described_class::BRIDGE_ERROR, SystemStackError]])
  end

  it "lets no listener that fails hold up others" do
    bridge.subscribe(described_class::STEP_EXECUTION_RECEIVED) { raise "broken" }
    listen(described_class::STEP_EXECUTION_RECEIVED)
    listen(described_class::BRIDGE_ERROR)
    bridge.received({ "event_id" => "e" })
    expect(heard.map(&:first)).to eq([described_class::BRIDGE_ERROR, described_class::STEP_EXECUTION_RECEIVED])
  end
end
