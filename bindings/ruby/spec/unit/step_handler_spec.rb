# frozen_string_literal: true

require "tasker_core/handlers"

RSpec.describe TaskerCore::StepHandler::Base do
  let(:kind) do
    stub_const("ChargeCard", Class.new(described_class) { def call(context) = success(result: { n: context.get_input(:n) }) })
  end
  let(:handler) { kind.new(config: { "url" => "http://a" }) }

  it "is called with the context of a step" do
    expect(handler.call(make_context(context: { n: 6 })).result).to eq(n: 6)
  end

  it "has to say what it does" do
    stub_const("Idle", Class.new(described_class))
    expect { Idle.new.call(make_context) }.to raise_error(NotImplementedError, /Idle does not say what it does: write `def call\(context\)`/)
  end

  it "knows its configuration and its log" do
    expect([handler.config[:url], handler.config["url"], described_class.new.config, described_class.new(config: nil).config])
      .to eq(["http://a", "http://a", {}, {}])
    log = Logger.new(nil)
    expect(described_class.new(logger: log).logger).to equal(log)
    expect(handler.logger).to equal(TaskerCore::Logger.instance)
    expect([handler.validate_config({}), handler.validate_config(nil)]).to eq([true, false])
  end

  it "knows them also if its class has a constructor of its own" do
    made = Class.new(described_class) { def initialize = @mine = true }.new
    expect([made.config, made.logger]).to eq([{}, TaskerCore::Logger.instance])
  end

  it "tells what it is" do
    expect(handler.handler_name).to eq("ChargeCard")
    expect([handler.capabilities, handler.config_schema[:type], kind.handler_version,
            kind.handler_methods]).to eq([["process"], "object", "1.0.0", nil])
    expect(handler.metadata).to eq(handler_name: "ChargeCard", handler_class: "ChargeCard", version: "1.0.0", capabilities: ["process"])
    kind.handler_name = "charge"
    kind.const_set(:VERSION, "3.0.0")
    expect(handler.metadata).to include(handler_name: "charge", version: "3.0.0")
    kind.handler_version = "4.0.0"
    expect(kind.handler_version).to eq("4.0.0")
  end

  it "succeeds with a result, or with none" do
    expect([handler.success.result, handler.success(result: false).result,
            handler.success(result_data: { a: 1 }).result]).to eq([{}, false, { a: 1 }])
    expect(handler.success(result: 1, metadata: { b: 2 }).metadata).to eq(b: 2)
  end

  it "fails for good unless it says otherwise" do
    expect(handler.failure(message: "no")).to have_attributes(
      message: "no", error_type: "UnexpectedError", error_code: nil, retryable: false, metadata: {}
    )
    expect(handler.failure(message: "no", error_type: "x", error_code: "E", retryable: true, metadata: { a: 1 }))
      .to have_attributes(error_type: "x", error_code: "E", retryable: true, metadata: { a: 1 })
  end

  it "reaches an orchestration that does nothing" do
    expect([handler.rust_integration, handler.orchestration_system.enqueue(1, a: 2)]).to eq([nil, nil])
    expect(handler.orchestration_system).to respond_to(:anything)
  end
end

RSpec.describe TaskerCore::Handlers::Steps do
  it "has other names for bases and mixins" do
    expect(described_class::Base).to equal(TaskerCore::StepHandler::Base)
    expect(described_class::API).to equal(TaskerCore::StepHandler::Api)
    expect([described_class::Decision, described_class::Batchable, described_class::Mixins])
      .to eq([TaskerCore::StepHandler::Decision, TaskerCore::StepHandler::Batchable, TaskerCore::StepHandler::Mixins])
  end

  it "makes and checks handlers" do
    working = Class.new(TaskerCore::StepHandler::Base) { def call(_context) = {} }
    expect(described_class.create(working, config: { a: 1 }).config[:a]).to eq(1)
    expect([working, Class.new(working), TaskerCore::StepHandler::Base, Class.new, 5].map { |kind| described_class.validate(kind) })
      .to eq([true, true, false, false, false])
  end
end
