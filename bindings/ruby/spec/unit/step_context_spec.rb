# frozen_string_literal: true

require "tasker_core/types"

RSpec.describe TaskerCore::Types::StepContext do
  subject(:context) { make_context }

  it "tells which step of which task it is" do
    expect(context).to have_attributes(
      task_uuid: Steps::TASK, step_uuid: Steps::STEP, idempotency_key: Steps::STEP, handler_name: "a_handler",
      step_name: "a_step", namespace_name: "linear_workflow", namespace: "linear_workflow",
      correlation_id: "0198c0de-0000-7000-8000-0000000000c1", retryable?: true
    )
    expect(context.event["timeout_ms"]).to eq(30_000)
    expect(context.to_s).to include(Steps::TASK, Steps::STEP, "a_handler")
    expect(context.inspect).to include("step_name=a_step", "retry_count=0")
  end

  it "is made of an event, of its sequence, or of a wrapper" do
    event = make_event(context: { a: 1 })
    sequence = event["task_sequence_step"]
    wrapper = TaskerCore::Models::TaskSequenceStepWrapper.new(event)
    [event, sequence, wrapper].each do |source|
      made = described_class.new(source, handler_name: "other")
      expect([made.get_input(:a), made.handler_name, made.task_uuid]).to eq([1, "other", Steps::TASK])
      expect(made.correlation_id).to eq("0198c0de-0000-7000-8000-0000000000c1")
    end
  end

  it "reads the task's context" do
    made = make_context(context: { n: 6, none: nil, nested: { a: [{ b: 1 }] } })
    expect(made.input_data).to eq({ "n" => 6, "none" => nil, "nested" => { "a" => [{ "b" => 1 }] } })
    expect(made.context).to equal(made.input_data)
    expect([made.get_task_field(:n), made.get_task_field("n"), made.get_input(:nothing)]).to eq([6, 6, nil])
    expect([made.get_input_or(:n, 1), made.get_input_or(:none, 1), made.get_input_or(:nothing)]).to eq([6, 1, nil])
    expect(made.context[:nested][:a][0]["b"]).to eq(1)
  end

  it "reads the template's configuration" do
    made = make_context({ "callable" => "h", "initialization" => { "operation" => "multiply" } })
    expect([made.step_config[:operation], made.get_config("operation"), made.get_config(:nothing)]).to eq(["multiply", "multiply", nil])
  end

  it "reads what the steps before returned" do
    made = make_context(results: { "one" => { "value" => [1, { "a" => 2 }] }, two: 5, "batch_1" => "x", "batch_2" => "y" })
    expect(made.get_dependency_result("one")).to eq({ "value" => [1, { "a" => 2 }] })
    expect([made.get_dependency_result(:two), made.get_dependency_result(:nothing)]).to eq([5, nil])
    expect(made.get_dependency_field(:one, :value, 1, "a")).to eq(2)
    expect([made.get_dependency_field(:one, :value, "a"), made.get_dependency_field(:two, :x), made.get_dependency_field(:no, 1)]).to eq([nil] * 3)
    expect(made.get_dependency_result_keys).to eq(%w[one two batch_1 batch_2])
    expect([made.get_all_dependency_results("batch_"), made.get_all_dependency_results("x")]).to eq([%w[x y], []])
    expect(made.dependency_results["one"]["status"]).to eq("completed")
  end

  it "takes a result for itself that has no record around it" do
    event = make_event
    event["task_sequence_step"]["dependency_results"] = { "plain" => { "value" => 1 } }
    expect(described_class.new(event).get_dependency_result(:plain)).to eq({ "value" => 1 })
  end

  [[0, 3, false, false], [1, 3, true, false], [2, 3, true, true], [0, 1, false, true], [nil, nil, false, false], [0, 0, false, true]]
    .each do |attempts, most, retried, last|
    it "after #{attempts.inspect} of #{most.inspect} attempts is #{retried ? "" : "no "}retry, and #{last ? "" : "not "}the last" do
      made = make_context(attempts: attempts, max_attempts: most)
      expect([made.retry_count, made.max_retries]).to eq([attempts || 0, most || 3])
      expect([made.is_retry?, made.is_last_retry?]).to eq([retried, last])
    end
  end

  it "has no checkpoint in the beginning" do
    expect([context.checkpoint, context.has_checkpoint?, context.checkpoint_cursor]).to eq([nil, false, nil])
    expect([context.checkpoint_items_processed, context.accumulated_results]).to eq([0, nil])
  end

  it "reads the checkpoint that was saved" do
    saved = { "cursor" => { "page" => 3 }, "items_processed" => 50, "accumulated_results" => { "total" => 5 } }
    made = make_context(checkpoint: saved)
    expect([made.checkpoint, made.has_checkpoint?, made.checkpoint_cursor[:page]]).to eq([saved, true, 3])
    expect([made.checkpoint_items_processed, made.accumulated_results[:total]]).to eq([50, 5])
  end

  it "reads the inputs of a batch worker" do
    event = contract("step_event")["accept"][1]["document"]
    made = described_class.new(event)
    expect(made.step_inputs[:cursor][:end_cursor]).to eq(200)
    expect(made.workflow_step.template_step_name).to eq("process_csv_batch")
    expect(made.input_data).to eq({})
  end

  it "is never cancelled without a worker" do
    expect([context.cancelled?, context.heartbeat, context.heartbeat({ row: 1 })]).to eq([false, true, true])
  end

  it "knows nothing of an event without anything" do
    empty = described_class.new({})
    expect([empty.task_uuid, empty.step_uuid, empty.step_name, empty.input_data, empty.step_config]).to eq([nil, nil, nil, {}, {}])
    expect([empty.handler_name, empty.get_dependency_result_keys]).to eq(["", []])
  end
end
