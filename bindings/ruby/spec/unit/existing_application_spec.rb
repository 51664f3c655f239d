# frozen_string_literal: true

require "logger"
require "tasker_core"

# Files that were written for the existing gem run unchanged.
RSpec.describe "an application of the existing gem" do
  def self.load_application
    TaskerCore::Registry::HandlerRegistry.reset_instance!
    Dir[File.expand_path("../fixtures/existing_application/*.rb", __dir__)].each { |file| load file } unless defined?(ExistingApplication)
    TaskerCore::Registry::HandlerRegistry.instance.handlers
  end
  blocks = load_application

  let(:known) { registry(**blocks.transform_keys(&:to_sym)) }

  before { allow(TaskerCore::Logger.instance).to receive(:backend).and_return(Logger.new(nil)) }

  def step(name, initialization: {}, method: nil, **parts)
    callable = name.include?(".") ? name : "ExistingApplication::StepHandlers::#{name}"
    run_step(known, { "callable" => callable, "initialization" => initialization, "method" => method }, **parts)
  end

  describe "with classes" do
    let(:order) { { customer_id: 7, amount: 12.5, items: [{ sku: "a" }] } }

    it "validates, and says how it was done" do
      document = step("ValidateOrderHandler", context: order)
      expect(document["result"]).to eq({ "order_id" => "order-7", "total" => 12.5, "items" => [{ "sku" => "a" }] })
      expect(document["metadata"]).to include("handler_version" => "1.1.0", "custom" => { "operation" => "validate", "step_type" => "intermediate" })
    end

    it "refuses what is wrong, for good" do
      invalid = step("ValidateOrderHandler", context: { amount: 0 })
      expect(invalid["error"]).to include("message" => "the amount must be positive", "retryable" => false, "context" => { "amount" => 0 })
      expect(invalid["metadata"]).to include("error_code" => "BAD_AMOUNT").and(include("custom" => include("field" => "amount")))
      over = step("ValidateOrderHandler", context: { amount: 501 }, initialization: { limit: 500 })
      expect(over["metadata"]).to include("error_code" => "OVER_LIMIT", "custom" => { "amount" => 501 })
      expect(over["error"]["message"]).to eq("too much")
    end

    it "is tried again when it asks for that" do
      results = { validate_order: { "order_id" => "order-7", "total" => 5 } }
      busy = step("PaymentHandler", results: results)
      expect(busy["error"]).to include("retryable" => true, "error_type" => "retryable_error", "context" => { "attempt" => 0 })
      expect(busy["orchestration_metadata"]["backoff_hint"]["delay_seconds"]).to eq(3)
      expect(step("PaymentHandler", results: results, attempts: 2)["result"]).to eq({ "charge_id" => "ch-order-7", "amount" => 5, "last" => true })
    end

    it "calls the method that the template names, and no private one" do
      results = { validate_order: { total: 5 } }
      expect(step("PaymentHandler", method: "refund", results: results)["result"]).to eq({ "refunded" => 5 })
      expect(step("PaymentHandler", method: "charge", results: results)["error"]).to include("error_type" => "handler_not_found")
    end

    it "decides" do
      expect(step("RoutingDecisionHandler", context: { amount: 5 })["result"])
        .to eq({ "decision_point_outcome" => { "type" => "create_steps", "step_names" => ["auto_approve"] }, "route_type" => "auto", "amount" => 5 })
      expect(step("RoutingDecisionHandler", context: { amount: 5_000 })["result"]["decision_point_outcome"]["step_names"])
        .to eq(%w[manager_approval finance_review])
      expect(step("RoutingDecisionHandler", context: { amount: 0 })["result"]["decision_point_outcome"]).to eq({ "type" => "no_branches" })
    end

    it "works in batches, from checkpoint to checkpoint" do # C1
      analyzed = step("CsvAnalyzerHandler", context: { rows: 20 })["result"]
      cursors = analyzed["batch_processing_outcome"]["cursor_configs"]
      expect(cursors.map { |cursor| cursor["batch_id"] }).to eq(%w[001 002])
      yields = 0
      workers = cursors.to_h do |cursor|
        checkpoint = nil
        document = nil
        loop do
          document = step("CsvWorkerHandler", inputs: { "cursor" => cursor, "is_no_op" => false }, checkpoint: checkpoint)
          break if document.key?("success")

          checkpoint = document
          yields += 1
        end
        ["process_csv_batch_#{cursor["batch_id"]}", document["result"]]
      end
      expect([yields, workers.values.map { |result| result["items_processed"] }]).to eq([6, [10, 10]])
      sum = step("CsvAggregatorHandler", results: { analyze_csv: analyzed, **workers })["result"]
      expect(sum).to eq({ "sum" => (0...20).sum, "worker_count" => 2, "scenario" => "with_batches" })
    end

    it "works on nothing" do # C5
      analyzed = step("CsvAnalyzerHandler", context: {})["result"]
      idle = { "cursor" => { "batch_id" => "000", "start_cursor" => 0, "end_cursor" => 0, "batch_size" => 0 }, "is_no_op" => true }
      expect(step("CsvWorkerHandler", inputs: idle)["result"]).to include("no_op" => true, "batch_id" => "000")
      expect(step("CsvAggregatorHandler", results: { analyze_csv: analyzed })["result"]).to include("sum" => 0, "worker_count" => 0)
    end
  end

  describe "with blocks" do
    let(:results) { { validate_order: { order_id: "order-7", total: 5, more: 1 }, check_stock: { available: true } } }

    it "charges a typed order" do
      context = { customer_id: 7, amount: 5, payment: { token: "tok" } }
      expect(step("existing.charge", context: context, results: results)["result"])
        .to eq({ "charge_id" => "ch-7", "total" => 5, "card" => "tok", "attempt" => 0 })
      sold_out = step("existing.charge", context: context, results: { validate_order: {} })
      expect(sold_out["metadata"]).to include("error_code" => "SOLD_OUT", "retryable" => false)
      expect(step("existing.charge", context: { amount: 5 }, results: results)["metadata"]["error_code"]).to eq("NO_TOKEN")
    end

    it "decides, and works in batches" do
      expect(step("existing.route", context: { amount: 5 })["result"]).to include("route_type" => "auto", "step" => "a_step")
      expect(step("existing.route", context: { amount: 0 })["result"]).to include("reason" => "free")
      outcome = step("existing.analyze", context: { rows: 12 }, initialization: { size: 5 })["result"]["batch_processing_outcome"]
      expect([outcome["worker_count"], outcome["worker_template_name"]]).to eq([3, "process_csv_batch"])
      worked = step("existing.work", context: { factor: 2 }, inputs: { "cursor" => outcome["cursor_configs"].last })
      expect(worked["result"]).to eq({ "items_processed" => 2, "sum" => 42, "step" => "a_step" })
    end
  end

  it "publishes and hears of events" do
    poller = Class.new { def subscribe(*) = nil }.new
    events = TaskerCore::DomainEvents
    [events::PublisherRegistry, events::SubscriberRegistry].each(&:reset_instance!)
    events::PublisherRegistry.instance.register(ExistingApplication::PaymentEventPublisher.new)
    events::SubscriberRegistry.instance.register(ExistingApplication::LedgerSubscriber)
    events::SubscriberRegistry.instance.start_all!(poller)
    publisher = events::PublisherRegistry.instance.get_strict("Payments::EventPublisher")
    step_context = { namespace: "shop", step_name: "charge" }
    given = { event_name: "payment.charged", event_declaration: { name: "payment.charged" }, step_context: step_context }
    expect(publisher.publish(given.merge(step_result: { success: true, result: { charge_id: "ch-7" } }))).to be(true)
    expect(publisher.publish(given.merge(step_result: { success: false }))).to be(false)
    expect(ExistingApplication::LOG).to eq(["payment.charged: ch-7 of shop", "payment.charged by payments"])
  ensure
    [events::PublisherRegistry, events::SubscriberRegistry].each(&:reset_instance!)
  end
end
