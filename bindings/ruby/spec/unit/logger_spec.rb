# frozen_string_literal: true

require "logger"
require "stringio"
require "time"
require "tasker_core/tracing"

RSpec.describe TaskerCore::Logger do
  subject(:logger) { TaskerCore::Logger.send(:new) }

  let(:log) { StringIO.new }

  before { logger.backend = ::Logger.new(log, level: :debug, formatter: ->(level, _, _, message) { "#{level} #{message}\n" }) }

  it "writes messages, and what blocks make" do
    %i[debug info warn error fatal].each { |level| logger.public_send(level, level.to_s) }
    logger.info { "made" }
    expect(log.string).to eq("DEBUG debug\nINFO info\nWARN warn\nERROR error\nFATAL fatal\nINFO made\n")
    expect([logger.debug?, logger.info?]).to eq([true, true])
  end

  it "writes fields beside operations" do
    logger.log_task(:info, "created", task_uuid: "t", note: nil)
    logger.log_queue_worker(:warn, "slow", namespace: "n", depth: 5)
    logger.log_orchestrator(:error, "lost")
    logger.log_step("debug", "ran", step: 1)
    logger.log_database(:info, "opened")
    logger.log_ffi(:info, "called", component: "poll", ms: 2)
    logger.log_config(:info, "read")
    logger.log_registry(:fatal, "frozen", namespace: "n", name: "a")
    expect(log.string.lines(chomp: true)).to eq(
      ["INFO task: created task_uuid=t", "WARN queue_worker: slow namespace=n depth=5", "ERROR orchestrator: lost", "DEBUG step: ran step=1",
       "INFO database: opened", "INFO ffi: called component=poll ms=2", "INFO config: read", "FATAL registry: frozen namespace=n name=a"]
    )
  end

  [[{ "TASKER_LOG_LEVEL" => "DEBUG" }, 0], [{ "RUST_LOG" => "warn" }, 2], [{ "RUST_LOG" => "tasker=trace,error" }, 3], [{}, 1],
   [{ "TASKER_LOG_LEVEL" => "loud" }, 1], [{ "TASKER_LOG_LEVEL" => "error", "RUST_LOG" => "debug" }, 3]].each do |env, level|
    it "takes its level from #{env}" do
      stub_const("ENV", env)
      expect(described_class.send(:new).backend.level).to eq(level)
    end
  end

  describe TaskerCore::Tracing do
    before { allow(TaskerCore::Logger).to receive(:instance).and_return(logger) }

    it "writes fields" do
      described_class.info("charged", { task_uuid: "t", amount: 5 })
      described_class.error("failed", { error: ArgumentError.new("no") })
      %i[warn debug trace].each { |level| described_class.public_send(level, "x") }
      described_class.warn("y", nil)
      expect(log.string.lines(chomp: true)).to eq(
        ["INFO charged task_uuid=t amount=5", "ERROR failed error=ArgumentError: no", "WARN x", "DEBUG x", "DEBUG x", "WARN y"]
      )
    end

    it "makes text of fields" do
      expect(described_class.normalize_fields({ a: nil, "b" => :c, 1 => [2], at: Time.utc(2026) }))
        .to eq({ "a" => "nil", "b" => "c", "1" => "[2]", "at" => "2026-01-01T00:00:00Z" })
    end
  end
end
