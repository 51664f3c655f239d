# frozen_string_literal: true

require "tasker_core/execution"
require "tasker_core/native/codec"
require "tasker_core/step_handler"
require "tasker_core/workflow"

# One step in every style: as a class, as a block, and as a step of a workflow, it does the same.
RSpec.describe "the styles of handlers" do
  functional = TaskerCore::StepHandler::Functional
  decision = functional::Decision
  config = functional::BatchConfig
  errors = TaskerCore::Errors

  failures = {
    "business" => -> { errors::BusinessLogicError.new("refund period is over", error_code: "TOO_LATE", context: { days: 31 }) },
    "network" => -> { errors::NetworkError.new("gateway is down", status_code: 503) },
    "limit" => -> { errors::RateLimitError.new("slow down", retry_after: 9) },
    "argument" => -> { ArgumentError.new("no such currency") },
    "key" => -> { KeyError.new("amount") },
    "system" => -> { Errno::ECONNRESET.new("reset") },
    "other" => -> { RuntimeError.new("hm") }
  }
  squared = lambda do |n|
    raise errors::PermanentError.new("#{n} is odd", error_code: "ODD") if n.odd?

    { result: n * n }
  end
  approvers = lambda do |amount|
    next ["auto_approve"] if amount < 1000

    amount < 5000 ? ["manager_approval"] : %w[manager_approval finance_review]
  end

  base = TaskerCore::StepHandler::Base
  of = ->(kind, &work) { Class.new(kind) { define_method(:call) { |context| instance_exec(context, &work) } } }
  classes = {
    "square" => of.call(base) { |c| success(result: squared.call(c.get_input(:even_number))) },
    "add_ten" => of.call(base) { |c| { "result" => c.get_dependency_result("square")["result"] + 10 } },
    "times_three" => of.call(base) { |c| success(result: { result: c.get_dependency_field("add_ten", :result) * 3 }) },
    "halve" => of.call(base) { |c| { result: c.get_dependency_field("times_three", "result") / 2 } },
    "add_twenty_five" => of.call(base) { |c| { result: c.get_dependency_field(:square, :result) + 25 } },
    "double" => of.call(base) { |c| { result: c.get_dependency_field(:square, :result) * 2 } },
    "average" => of.call(base) { |c| { result: %w[add_twenty_five double].sum { |step| c.get_dependency_field(step, :result) } / 2.0 } },
    "route" => of.call(TaskerCore::StepHandler::Decision) do |c|
      amount = c.get_input(:amount)
      next decision_no_branches(result_data: { amount: amount, reason: "nothing to approve" }) unless amount.positive?

      decision_success(steps: approvers.call(amount), result_data: { amount: amount })
    end,
    "analyze" => of.call(TaskerCore::StepHandler::Batchable) do |c|
      rows = c.get_input(:rows)
      ranges = TaskerCore::BatchProcessing::Ranges.of_size(rows, 200)
      create_batches_outcome(worker_template_name: "process", cursor_configs: ranges, total_items: rows)
    end,
    "process" => of.call(TaskerCore::StepHandler::Batchable) do |c|
      batch = get_batch_context(c)
      handle_no_op_worker(batch) || checkpoint_yield(cursor: batch.end_cursor, items_processed: 5, accumulated_results: { sum: 1 })
    end,
    "fail" => of.call(base) { |c| raise failures.fetch(c.get_input(:how)).call }
  }

  yields = lambda { |batch|
    TaskerCore::Types::StepHandlerCallResult.checkpoint_yield(cursor: batch.end_cursor, items_processed: 5, accumulated_results: { sum: 1 })
  }
  blocks = Module.new.extend(functional).instance_exec do
    {
      "square" => step_handler("square", inputs: [:even_number]) { |even_number:| squared.call(even_number) },
      "add_ten" => step_handler("add_ten", depends_on: { before: "square" }) { |before:| { result: before[:result] + 10 } },
      "times_three" => step_handler("times_three", depends_on: { before: "add_ten" }) { |before:| { result: before["result"] * 3 } },
      "halve" => step_handler("halve", depends_on: { before: "times_three" }) { |before:, context:| { result: before[:result] / (context ? 2 : 0) } },
      "add_twenty_five" => step_handler("add_twenty_five", depends_on: { start: "square" }) { |start:| { result: start[:result] + 25 } },
      "double" => step_handler("double", depends_on: { start: "square" }) { |start:| { result: start[:result] * 2 } },
      "average" => step_handler("average", depends_on: { left: "add_twenty_five", right: "double" }) do |left:, right:|
        { result: (left[:result] + right[:result]) / 2.0 }
      end,
      "route" => decision_handler("route", inputs: [:amount]) do |amount:|
        amount.positive? ? decision.route(approvers.call(amount), amount: amount) : decision.skip("nothing to approve", amount: amount)
      end,
      "analyze" => batch_analyzer("analyze", worker_template: "process", inputs: [:rows]) { |rows:| config.new(total_items: rows, batch_size: 200) },
      "process" => batch_worker("process") { |batch_context:| yields.call(batch_context) },
      "fail" => step_handler("fail", inputs: [:how]) { |how:| raise failures.fetch(how).call }
    }
  end
  TaskerCore::Registry::HandlerRegistry.reset_instance!

  numbers = Class.new(TaskerCore::Workflow) do
    workflow_name "numbers"
    step(:square) { |even_number:| squared.call(even_number) }
    step(:add_ten) { |square:| { result: square[:result] + 10 } }
    step(:times_three) { |add_ten:| { result: add_ten[:result] * 3 } }
    step(:halve) { |times_three:| { result: times_three[:result] / 2 } }
    step(:add_twenty_five) { |square:| { result: square[:result] + 25 } }
    step(:double) { |square:| { result: square[:result] * 2 } }
    step(:average) { |add_twenty_five:, double:| { result: (add_twenty_five[:result] + double[:result]) / 2.0 } }
    step(:route, type: :decision) do |amount:|
      amount.positive? ? decision.route(approvers.call(amount), amount: amount) : decision.skip("nothing to approve", amount: amount)
    end
    step(:analyze, type: :batchable) { |rows:| config.new(total_items: rows, batch_size: 200) }
    step(:process, type: :batch_worker, after: :analyze) { |batch_context:| yields.call(batch_context) }
    step(:fail) { |how:| raise failures.fetch(how).call }
  end
  styles = { "class" => classes, "block" => blocks, "workflow" => numbers.handlers.transform_keys { |name| name.split(".").last } }

  # Runs steps in their order, and returns what each led to. It ends with the first that fails.
  def complete(handlers, steps, **context)
    known = registry(**handlers.transform_keys(&:to_sym))
    results = {}
    steps.each_with_object({}) do |step, outcomes|
      document = run_step(known, step, context: context, results: results, name: step)
      outcomes[step] = outcome_of(document)
      break outcomes unless document["success"]

      results[step] = document["result"]
    end
  end

  styles.each do |style, handlers|
    describe "as a #{style}" do
      it "adds up in a line" do # W1
        outcomes = complete(handlers, %w[square add_ten times_three halve], even_number: 6)
        expect(outcomes.values.map { |outcome| outcome["result"]["result"] }).to eq([36, 46, 138, 69])
      end

      it "adds up in a diamond" do # W3
        outcomes = complete(handlers, %w[square add_twenty_five double average], even_number: 6)
        expect(outcomes.values.map { |outcome| outcome["result"]["result"] }).to eq([36, 61, 72, 66.5])
      end

      it "fails the first step for good on odd input" do
        outcomes = complete(handlers, %w[square add_ten], even_number: 7)
        expect(outcomes).to eq(
          "square" => { "success" => false, "result" => {}, "retryable" => false, "error_code" => "ODD", "message" => "7 is odd",
                        "error_type" => "permanent_error", "context" => {} }
        )
      end

      { 999 => ["auto_approve"], 1000 => ["manager_approval"], 4999 => ["manager_approval"], 5000 => %w[manager_approval finance_review] }
        .each do |amount, steps|
        it "has #{amount} approved by #{steps.join(" and ")}" do # W7
          expect(complete(handlers, ["route"], amount: amount)["route"]["result"])
            .to eq({ "decision_point_outcome" => { "type" => "create_steps", "step_names" => steps }, "amount" => amount })
        end
      end

      it "has nothing approved by nobody" do
        expect(complete(handlers, ["route"], amount: 0)["route"]["result"])
          .to eq({ "decision_point_outcome" => { "type" => "no_branches" }, "reason" => "nothing to approve", "amount" => 0 })
      end
    end
  end

  [0, 1, 200, 1000, 1001].each do |rows|
    it "make the same batches of #{rows} rows" do # W8
      first, *others = styles.values.map { |handlers| complete(handlers, ["analyze"], rows: rows) }
      expect(others).to all(eq(first))
      expect(first["analyze"]["result"]["batch_processing_outcome"].fetch("worker_count", 0)).to eq(rows.fdiv(200).ceil)
    end
  end

  [false, true].each do |idle|
    it "yield the same as workers that have #{idle ? "nothing" : "something"} to do" do
      inputs = { "cursor" => { "batch_id" => "001", "start_cursor" => 0, "end_cursor" => 7, "batch_size" => 7 }, "is_no_op" => idle }
      first, *others = styles.values.map do |handlers|
        document = run_step(registry(process: handlers["process"]), "process", inputs: inputs)
        idle ? outcome_of(document) : document
      end
      expect(others).to all(eq(first))
      expect(first).to eq({ "cursor" => 7, "items_processed" => 5, "accumulated_results" => { "sum" => 1 } }) unless idle
    end
  end

  failures.each_key do |how|
    it "fail the same on #{how}" do
      documents = styles.values.map { |handlers| run_step(registry(fail: handlers["fail"]), "fail", context: { how: how }) }
      said = documents.map { |document| [outcome_of(document), document["metadata"]["custom"], document["orchestration_metadata"]] }
      expect(said.uniq.size).to eq(1)
      expect(documents.first["success"]).to be(false)
    end
  end
end
