# frozen_string_literal: true

require "tmpdir"
require "yaml"
require "tasker_core/execution"
require "tasker_core/native/codec"
require "tasker_core/workflow"

RSpec.describe TaskerCore::Workflow do
  let(:charge) do
    Class.new(TaskerCore::StepHandler::Base) { def call(context) = { paid: context.get_dependency_result(:validate_cart)[:total] } }
  end

  let(:orders) do
    kind = charge
    workflow do
      namespace "ecommerce"
      description "Takes orders."
      step(:validate_cart, timeout: 5) { |items:, note: "none"| { total: items.sum, note: note } }
      step :charge, kind, after: :validate_cart, retries: 3, backoff: :exponential, backoff_base: "500ms", max_backoff: "1m", config: { gateway: "a" }
      step :ship, "go.ship", after: "charge", publishes: ["order.shipped", { name: "order.billed", condition: "always" }], method: :express
      step(:thank, description: "Says thanks.") { |charge:, ship:, context:| { paid: charge[:paid], ship: ship, step: context.step_name } }
    end
  end

  def workflow(name = "OrderProcessingWorkflow", above = described_class, &body)
    stub_const(name, Class.new(above)).tap { |made| made.class_exec(&body) if body }
  end

  def run_workflow_step(made, step, **parts)
    known = registry
    made.register(known)
    run_step(known, made.steps.find { |declared| declared.name == step }.callable, name: step, **parts)
  end

  describe "the template" do
    it "tells all that was declared, and nothing that is left at its default" do
      expect(orders.template).to eq(
        "name" => "order_processing", "namespace_name" => "ecommerce", "version" => "1.0.0", "description" => "Takes orders.",
        "input_schema" => { "type" => "object", "properties" => { "items" => {}, "note" => {} }, "required" => ["items"] },
        "steps" => [
          { "name" => "validate_cart", "handler" => { "callable" => "ecommerce.order_processing.validate_cart" }, "timeout_seconds" => 5 },
          { "name" => "charge", "dependencies" => ["validate_cart"],
            "handler" => { "callable" => "ecommerce.order_processing.charge", "initialization" => { "gateway" => "a" } },
            "retry" => { "retryable" => true, "max_attempts" => 4, "backoff" => "exponential", "backoff_base_ms" => 500,
                         "max_backoff_ms" => 60_000 } },
          { "name" => "ship", "handler" => { "callable" => "go.ship", "method" => "express" }, "dependencies" => ["charge"],
            "publishes_events" => [{ "name" => "order.shipped" }, { "name" => "order.billed", "condition" => "always" }] },
          { "name" => "thank", "description" => "Says thanks.", "handler" => { "callable" => "ecommerce.order_processing.thank" },
            "dependencies" => %w[charge ship] }
        ]
      )
    end

    it "is YAML that says the same" do
      expect(YAML.safe_load(orders.to_yaml)).to eq(orders.template)
      expect(orders.to_yaml).to start_with("name: order_processing\n")
      Dir.mktmpdir do |folder|
        path = orders.write_template(folder)
        expect([path, File.read(path)]).to eq([File.join(folder, "order_processing.yaml"), orders.to_yaml])
      end
    end

    it "has the name that the workflow is given, or that of its class" do
      body = -> { step(:a, "x") }
      expect(workflow("Shop::OrderFlow", &body).template["name"]).to eq("order_flow")
      expect(workflow("V2Workflow", &body).workflow_name).to eq("v2")
      named = workflow do
        workflow_name "other"
        version "2.1.0"
        identity_strategy :caller_provided
        input_schema({ type: "object" })
        step :a, "x"
      end
      expect(named.template).to include("name" => "other", "version" => "2.1.0", "identity_strategy" => "caller_provided",
                                        "input_schema" => { "type" => "object" })
    end

    it "goes on from that of the class above" do
      above = workflow("BaseWorkflow") do
        namespace "shop"
        version "3.0.0"
        step :a, "x"
      end
      below = workflow("BelowWorkflow", above) { step(:b, "y", after: :a) }
      expect(below.template).to include("name" => "below", "namespace_name" => "shop", "version" => "3.0.0")
      expect([below.steps.map(&:name), above.steps.map(&:name)]).to eq([%w[a b], ["a"]])
    end

    { 5 => 5, 1.2 => 2, "500ms" => 1, "5s" => 5, "2m" => 120, "1.5h" => 5400 }.each do |timeout, seconds|
      it "gives a step of #{timeout.inspect} #{seconds} seconds" do
        expect(workflow { step :a, "x", timeout: timeout }.template["steps"][0]["timeout_seconds"]).to eq(seconds)
      end
    end

    it "has no second attempt where there are no retries" do
      expect(workflow { step :a, "x", retries: 0 }.template["steps"][0]["retry"]).to eq({ "retryable" => false, "max_attempts" => 1 })
    end
  end

  describe "mistakes" do
    {
      "a step after one that is not there" => [-> { step :a, "x", after: :b }, /step a is after b, which is no step before it/],
      "two steps of a name" => [-> { 2.times { step :a, "x" } }, /two steps called a/],
      "a step without a name" => [-> { step "", "x" }, /needs a name/],
      "a step without a handler" => [-> { step :a }, /needs a class with `call`/],
      "a class without a call" => [-> { step :a, Class.new }, /needs a class with `call`/],
      "a type that there is not" => [-> { step :a, "x", type: :parallel }, /of type parallel; there are standard/],
      "an option that there is not" => [-> { step :a, "x", retry: 3 }, /no option retry; there are retries/],
      "retries below 0" => [-> { step :a, "x", retries: -1 }, /whole number from 0, and is -1/],
      "no duration" => [-> { step :a, "x", timeout: "soon" }, /"soon" is no duration/],
      "a timeout of nothing" => [-> { step :a, "x", timeout: 0 }, /0 is no duration/],
      "a backoff that there is not" => [-> { step :a, "x", backoff: :random }, /backoff is one of none/],
      "a strategy that there is not" => [-> { identity_strategy :sometimes }, /identity_strategy is one of strict/],
      "a block with an order" => [-> { step(:a) { |items| items } }, /write `\|items:\|`/],
      "a batchable step without workers" => [-> { step(:a, type: :batchable) { 1 } and handlers }, /needs one step of type batch_worker/],
      "no steps" => [-> { template }, /has no steps/]
    }.each do |what, (body, message)|
      it "are told of: #{what}" do
        expect { workflow("WrongWorkflow", &body) }.to raise_error(TaskerCore::Errors::ConfigurationError, message)
      end
    end

    it "are told of a workflow that has no name at all" do
      expect { Class.new(described_class) { step :a, "x" }.workflow_name }.to raise_error(TaskerCore::Errors::ConfigurationError, /workflow_name/)
    end
  end

  describe "the steps" do
    it "are registered again, by a worker that is started anew, without taking the place of others" do
      allow(TaskerCore::Logger.instance).to receive(:warn)
      twice = workflow { step(:a) { 1 } }
      known = registry
      2.times { twice.register(known) }
      expect(TaskerCore::Logger.instance).not_to have_received(:warn)
    end

    it "are registered under the names of the template" do
      expect(orders.handlers.keys).to eq(%w[validate_cart charge thank].map { |step| "ecommerce.order_processing.#{step}" })
      expect(orders.handlers["ecommerce.order_processing.charge"]).to equal(charge)
    end

    it "give blocks what they ask for" do
      cart = run_workflow_step(orders, "validate_cart", context: { items: [1, 2] })
      expect(cart["result"]).to eq({ "total" => 3, "note" => "none" })
      expect(cart["metadata"]["handler_version"]).to eq("1.0.0")
      expect(run_workflow_step(orders, "validate_cart", context: { items: [], note: "x" })["result"]).to eq({ "total" => 0, "note" => "x" })
      expect(run_workflow_step(orders, "charge", results: { validate_cart: cart["result"] })["result"]).to eq({ "paid" => 3 })
      thanks = run_workflow_step(orders, "thank", results: { charge: { "paid" => 3 }, ship: nil })
      expect(thanks["result"]).to eq({ "paid" => 3, "ship" => nil, "step" => "thank" })
    end

    it "fail as any other handler does" do
      failing = workflow { step(:a) { raise TaskerCore::Errors::PermanentError.new("no", error_code: "E") } }
      expect(run_workflow_step(failing, "a")["error"]).to include("message" => "no", "retryable" => false)
    end

    it "decide" do
      deciding = workflow do
        step(:route, type: :decision) { |amount:| TaskerCore::StepHandler::Functional::Decision.route(amount > 10 ? "big" : "small") }
        step :big, "x", after: :route
        step :small, "x", after: :route
        step(:end, type: :deferred_convergence) { |big: nil, small: "not made"| [big, small] }
      end
      decision = run_workflow_step(deciding, "route", context: { amount: 11 })["result"]
      expect(decision).to eq({ "decision_point_outcome" => { "type" => "create_steps", "step_names" => ["big"] } })
      expect(run_workflow_step(deciding, "end", results: { big: 5 })["result"]).to eq([5, "not made"])
    end

    it "work in batches" do
      batching = workflow do
        step(:analyze, type: :batchable) { |rows:| TaskerCore::StepHandler::Functional::BatchConfig.new(total_items: rows, batch_size: 2) }
        step(:work, type: :batch_worker, after: :analyze) { |batch_context:| { from: batch_context.start_cursor } }
        step(:sum, type: :deferred_convergence) { |work:| work.sum { |done| done[:from] } }
      end
      made = run_workflow_step(batching, "analyze", context: { rows: 3 })["result"]["batch_processing_outcome"]
      expect(made).to include("worker_template_name" => "work", "worker_count" => 2)
      cursor = made["cursor_configs"].last
      expect(run_workflow_step(batching, "work", inputs: { "cursor" => cursor })["result"]).to eq({ "from" => 2 })
      expect(run_workflow_step(batching, "work", inputs: { "cursor" => cursor, "is_no_op" => true })["result"]).to include("no_op" => true)
      expect(run_workflow_step(batching, "sum", results: { work_001: { from: 1 }, work_002: { from: 2 } })["result"]).to eq(3)
      expect(batching.template["steps"].last["dependencies"]).to eq(["work"])
    end
  end

  describe "tasks" do
    # A client that remembers what it was asked, and whose task has ended as it says.
    let(:client) do
      Class.new do
        attr_reader :requests

        def initialize(status, steps)
          @status = status
          @steps = steps
          @requests = []
        end

        def create_task(**request)
          @requests << request
          Struct.new(:task_uuid).new("t-1")
        end

        def get_task(_uuid) = Struct.new(:status).new(@status)
        def wait_for_task(uuid, timeout:) = get_task(uuid).tap { @requests << timeout }
        def list_task_steps(_uuid) = @steps.map { |name, results| Struct.new(:name, :results).new(name, results) }
      end
    end

    let(:steps) { { "a" => { "success" => true, "result" => 1 }, "b" => nil, "c" => { "success" => false, "error" => { "message" => "no" } } } }

    it "are started with inputs for the steps" do
      asked = client.new("complete", steps)
      run = orders.set(client: asked, key: "order-42", priority: 5).perform_async({ items: [1] }, note: Struct.new(:a).new(2))
      expect(run.task_uuid).to eq("t-1")
      expect(asked.requests).to eq(
        [{ name: "order_processing", namespace: "ecommerce", version: "1.0.0", reason: "Started from Ruby", idempotency_key: "order-42",
           priority: 5, context: { "items" => [1], "note" => { "a" => 2 } } }]
      )
      expect(orders.start({ items: [] }, client: asked, key: "k", more: 1).task_uuid).to eq("t-1")
      expect(asked.requests.last).to include(context: { "items" => [], "more" => 1 }, idempotency_key: "k")
    end

    it "are asked of the client of this process by default" do
      asked = client.new("complete", {})
      stub_const("TaskerCore::Client", asked)
      allow_any_instance_of(described_class::Request).to receive(:require)
      expect(orders.perform_async(items: []).status).to eq("complete")
      expect(asked.requests.first).to include(context: { "items" => [] }, idempotency_key: nil)
    end

    it "are waited for" do
      asked = client.new("complete", steps)
      run = orders.set(client: asked).perform_async
      expect(run.wait(timeout: 5)).to equal(run)
      expect([asked.requests.last, run.status, run.results, run.errors]).to eq([5, "complete", { "a" => 1 }, { "c" => "no" }])
      expect(run.inspect).to include("t-1")
    end

    it "raise where they ended otherwise" do
      run = orders.set(client: client.new("blocked_by_failures", steps)).perform_async
      expect { run.wait }.to raise_error(described_class::RunFailedError, "task t-1 is blocked_by_failures; step c: no") { |error|
        expect(error.errors).to eq({ "c" => "no" })
      }
    end
  end
end
