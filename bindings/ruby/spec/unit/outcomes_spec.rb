# frozen_string_literal: true

require "tasker_core/native/codec"
require "tasker_core/types"

RSpec.describe "outcomes" do
  decisions = TaskerCore::Types::DecisionPointOutcome
  batches = TaskerCore::Types::BatchProcessingOutcome

  describe decisions do
    it "creates steps, each once, or none" do
      chosen = decisions.create_steps([:a, "b", "a"])
      expect([chosen.requires_step_creation?, chosen.step_names, chosen.to_h]).to eq([true, %w[a b], { type: "create_steps", step_names: %w[a b] }])
      none = decisions.no_branches
      expect([none.requires_step_creation?, none.step_names, none.to_h]).to eq([false, [], { type: "no_branches" }])
    end

    it "chooses at least one step" do
      expect { decisions.create_steps([]) }.to raise_error(TaskerCore::Errors::ValidationError, /at least one/)
    end
  end

  describe batches do
    let(:cursors) { [{ batch_id: "001", start_cursor: 0, end_cursor: 5, batch_size: 5 }] }

    it "makes batches, or none" do
      made = batches.create_batches(worker_template_name: "w", worker_count: 1, cursor_configs: cursors, total_items: 5)
      expect(made.requires_batch_creation?).to be(true)
      expect(made.to_h).to eq(type: "create_batches", worker_template_name: "w", worker_count: 1, cursor_configs: cursors, total_items: 5)
      expect([batches.no_batches.requires_batch_creation?, batches.no_batches.to_h]).to eq([false, { type: "no_batches" }])
    end

    [{ worker_count: 2 }, { worker_count: 0 }, { cursor_configs: [] }, { total_items: -1 }, { worker_template_name: nil }].each do |wrong|
      it "refuses #{wrong}" do
        right = { worker_template_name: "w", worker_count: 1, cursor_configs: cursors, total_items: 5 }
        expect { batches.create_batches(**right, **wrong) }.to raise_error(TaskerCore::Errors::ValidationError)
      end
    end
  end

  it "are those that the core accepts" do
    Steps.contract("outcomes")["accept"].each do |example|
      document = example["document"]
      outcome = decisions.from_hash(document) || batches.from_hash(document)
      written = JSON.parse(TaskerCore::Native::Codec.dump(outcome.to_h))
      expect([written]).to eq(document.values_at("decision_point_outcome", "batch_processing_outcome").compact), example["name"]
    end
  end

  it "are not those that the core refuses" do
    made = Steps.contract("outcomes")["refuse"].reject do |example|
      document = example["document"]
      (decisions.from_hash(document) || batches.from_hash(document)).nil?
    rescue TaskerCore::Errors::ValidationError
      true
    end
    # What the core refuses besides, where a Hash is read for what it is meant to say.
    expect(made.map { |example| example["name"] }).to match_array(
      ["names that are none", "names without need", "an unknown key", "a cursor without an end", "a negative batch size"]
    )
  end

  it "are read from hashes, and from nothing" do
    expect(decisions.from_hash({ type: "create_steps", step_names: ["a"] }).step_names).to eq(["a"])
    [nil, {}, { type: "maybe" }, 5, { type: "create_steps" }].each { |said| expect(decisions.from_hash(said)).to be_nil }
    [nil, {}, { type: "maybe" }, 5].each { |said| expect(batches.from_hash(said)).to be_nil }
  end
end
