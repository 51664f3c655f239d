# frozen_string_literal: true

require "tasker_core/models"

RSpec.describe TaskerCore::Models do
  let(:wrapper) { described_class::TaskSequenceStepWrapper.new(contract("step_event")["accept"][0]["document"]) }

  it "reads an event" do
    expect(wrapper.task).to have_attributes(
      task_uuid: Steps::TASK, namespace_name: "linear_workflow", task_name: "mathematical_sequence", task_version: "1.0.0",
      context: { "even_number" => 6, "big" => 9_007_199_254_740_993, "name" => "naïve <&>" }
    )
    expect(wrapper.workflow_step).to have_attributes(
      workflow_step_uuid: Steps::STEP, name: "linear_step_3", attempts: 1, max_attempts: 3, retryable: true, in_process: true,
      processed: false, inputs: {}, results: {}, checkpoint: nil
    )
    expect(wrapper.step_definition).to have_attributes(
      name: "linear_step_3", description: "", dependencies: ["linear_step_2"], timeout_seconds: 30, publishes_events: [],
      type: "standard"
    )
    expect(wrapper.step_definition.retry).to include("max_attempts" => 3, "backoff" => "exponential")
    expect(wrapper.step_definition.handler).to have_attributes(
      callable: "linear.step_3", handler_method: nil, resolver: nil, initialization: { "operation" => "multiply" }
    )
  end

  it "finds what steps need" do
    expect(wrapper.get_task_field(:even_number)).to eq(6)
    expect([wrapper.get_dependency_result("linear_step_1"), wrapper.get_results(:linear_step_2)]).to eq([{ "value" => 36 }, { "value" => 46 }])
  end

  it "reads results by name" do
    results = wrapper.dependency_results
    expect(results.keys).to eq(%w[linear_step_1 linear_step_2])
    expect([results.key?(:linear_step_1), results.key?("nothing")]).to eq([true, false])
    expect(results["linear_step_1"]).to eq(results.get_result(:linear_step_1)).and(include("success" => true))
    expect([results.get_results("linear_step_1"), results.get_results("nothing")]).to eq([{ "value" => 36 }, nil])
    expect(results.each_key.to_a).to eq(results.keys)
  end

  it "reads a handler's method under both of its names" do
    expect(described_class::HandlerWrapper.new({ "method" => "refund" }).handler_method).to eq("refund")
    told = described_class::HandlerWrapper.new({ handler_method: "refund", resolver: "r" })
    expect(told).to have_attributes(handler_method: "refund", resolver: "r")
  end

  it "reads what is missing as nothing" do
    empty = described_class::TaskSequenceStepWrapper.new(nil)
    expect([empty.task.context, empty.workflow_step.attempts, empty.workflow_step.max_attempts]).to eq([{}, 0, 3])
    expect([empty.step_definition.name, empty.step_definition.handler.callable, empty.dependency_results.keys]).to eq(["", "", []])
  end
end
