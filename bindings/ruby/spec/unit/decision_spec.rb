# frozen_string_literal: true

require "tasker_core/step_handler/decision"

RSpec.describe TaskerCore::StepHandler::Decision do
  subject(:handler) { described_class.new }

  it "chooses steps" do
    made = handler.decision_success(steps: %w[a b], result_data: { amount: 5 }, metadata: { m: 1 })
    expect(made.result).to eq(amount: 5, decision_point_outcome: { type: "create_steps", step_names: %w[a b] })
    expect(made.metadata).to eq(m: 1)
    expect(handler.decision_success(steps: :a).result[:decision_point_outcome][:step_names]).to eq(["a"])
  end

  it "chooses none" do
    expect(handler.decision_no_branches(result_data: { reason: "nothing" }).result)
      .to eq(reason: "nothing", decision_point_outcome: { type: "no_branches" })
  end

  it "does not choose nothing by mistake" do
    expect { handler.decision_success(steps: []) }.to raise_error(TaskerCore::Errors::ValidationError)
  end

  it "returns what was decided elsewhere" do
    outcome = TaskerCore::Types::DecisionPointOutcome.create_steps(["a"])
    [outcome, outcome.to_h, { "type" => "create_steps", "step_names" => ["a"] }].each do |said|
      made = handler.decision_with_custom_outcome(outcome: said, result_data: { a: 1 })
      expect(made.result).to eq(a: 1, decision_point_outcome: outcome.to_h)
    end
  end

  it "refuses what is no decision" do
    [nil, {}, { type: "maybe" }, "create_steps", { type: "create_steps", step_names: [] }].each do |said|
      expect { handler.validate_decision_outcome!(said) }.to raise_error(TaskerCore::Errors::ValidationError)
    end
  end

  it "tells what it can do" do
    expect(handler.capabilities).to eq(%w[process decision_point dynamic_workflow step_creation])
    expect(handler.config_schema[:properties].keys).to eq(%i[decision_thresholds decision_metadata])
  end
end
