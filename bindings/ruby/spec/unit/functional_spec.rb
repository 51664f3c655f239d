# frozen_string_literal: true

require "tasker_core/execution"
require "tasker_core/native/codec"
require "tasker_core/registry"
require "tasker_core/step_handler/functional"

RSpec.describe TaskerCore::StepHandler::Functional do
  around do |example|
    TaskerCore::Registry::HandlerRegistry.reset_instance!
    example.run
    TaskerCore::Registry::HandlerRegistry.reset_instance!
  end

  let(:dsl) { Module.new.extend(described_class) }
  let(:cart) do
    Struct.new(:total, :items, keyword_init: true) do
      def validate!
        raise TaskerCore::Errors::PermanentError.new("no total", error_code: "NO_TOTAL") if total.nil?
      end
    end
  end

  def call(handler, **parts)
    handler.new.call(make_context(**parts))
  end

  it "makes a handler that is registered under its name" do
    made = dsl.step_handler("charge", version: "2.0.0") { {} }
    expect([made.superclass.ancestors.include?(TaskerCore::StepHandler::Base), made.handler_name,
            made.handler_version]).to eq([true, "charge", "2.0.0"])
    expect(TaskerCore::Registry::HandlerRegistry.instance.resolve_handler("charge")).to be_a(made)
    expect(made.new(config: { a: 1 }).config[:a]).to eq(1)
  end

  it "can be included as well" do
    including = Module.new { include TaskerCore::StepHandler::Functional }
    made = Class.new { include including }.new.step_handler("a") { 5 }
    expect(call(made).result).to eq(5)
    expect(including.const_get(:Decision)).to equal(described_class::Decision)
  end

  describe "what a block is given" do
    it "is what its keywords ask for" do
      made = dsl.step_handler("a", depends_on: { cart: "validate", other: :missing },
                                   inputs: %i[payment note]) do |cart:, other:, payment:, note:, context:|
        { total: cart[:total], other: other, payment: payment, note: note, step: context.step_name }
      end
      result = call(made, context: { payment: "card" }, results: { validate: { "total" => 5 } }).result
      expect(result).to eq(total: 5, other: nil, payment: "card", note: nil, step: "a_step")
    end

    it "is nothing that it does not ask for" do
      expect(call(dsl.step_handler("a", inputs: %w[n]) { |n:| n }, context: { n: 1 }).result).to eq(1)
      expect(call(dsl.step_handler("b", inputs: [:n]) { 5 }, context: { n: 1 }).result).to eq(5)
      expect(call(dsl.step_handler("c", inputs: [:n], depends_on: { x: "y" }) { |**all| all.keys }).result).to eq(%i[n x context])
    end

    it "is typed where a class is named" do
      kind = cart
      made = dsl.step_handler("a", depends_on: { cart: ["validate", kind] }, inputs: kind) { |cart:, inputs:| [cart.class, inputs.total, cart.items] }
      result = call(made, context: { total: 3, more: 1 }, results: { validate: { "total" => 5, "items" => [{ "sku" => "a" }] } }).result
      expect(result).to eq([kind, 3, [{ "sku" => "a" }]])
      expect(call(dsl.step_handler("b", depends_on: { cart: ["no", kind] }) { |cart:| { cart: cart } }).result).to eq(cart: nil)
    end

    it "is checked by a validate! of its own" do
      failed = call(dsl.step_handler("a", inputs: cart) { 1 }, context: {})
      expect(failed).to have_attributes(success?: false, error_code: "NO_TOTAL", retryable: false)
    end

    it "fails for good if it does not fit its class" do
      strict = Class.new { def initialize(total:, currency: "EUR") = (@both = [total, currency]) }
      failed = call(dsl.step_handler("a", inputs: strict) { 1 }, context: { other: 1 })
      expect(failed).to have_attributes(retryable: false, error_type: "PermanentError", message: /the task's context: missing keyword: :total/)
      expect(call(dsl.step_handler("b", inputs: strict) { |inputs:| inputs.instance_variable_get(:@both) }, context: { total: 1, other: 2 }).result)
        .to eq([1, "EUR"])
      no_object = call(dsl.step_handler("c", depends_on: { x: ["y", strict] }) { 1 }, results: { y: 5 })
      expect(no_object.message).to eq("the result of step y: expected an object, got Integer")
    end

    it "may be a Dry::Struct where that is installed" do
      # What matters of it here: it takes a Hash of everything, makes a Hash of itself, and has errors of its own.
      dry = Class.new do
        def self.new(attributes = {}) = attributes[:total] ? super(attributes) : raise(self::Error, "total is missing")
        def initialize(attributes) = @attributes = attributes
        def to_h = @attributes.slice(:total)
      end
      dry.const_set(:Error, Class.new(StandardError))
      stub_const("Dry::Struct", dry)
      made = dsl.step_handler("a", inputs: Class.new(dry)) { |inputs:| { order: inputs } }
      document = run_step(registry(a: made), "a", context: { total: 5, more: 1 })
      expect(document["result"]).to eq({ "order" => { "total" => 5 } })
      expect(call(made, context: {})).to have_attributes(retryable: false, message: "the task's context: total is missing")
    end

    it "may be of a Struct in order, or of any class that takes keywords" do
      point = Struct.new(:x, :y)
      any = Class.new { def initialize(**all) = @all = all }
      expect(call(dsl.step_handler("a", inputs: point) { |inputs:| inputs.to_a }, context: { y: 2, x: 1 }).result).to eq([1, 2])
      expect(call(dsl.step_handler("b", inputs: any) { |inputs:| inputs.instance_variable_get(:@all) }, context: { y: 2 }).result).to eq(y: 2)
    end
  end

  describe "what a block returns" do
    result = TaskerCore::Types::StepHandlerCallResult.error(error_type: "x", message: "y")
    [[{ a: 1 }, { a: 1 }], [nil, {}], [[1], [1]], %w[x x]].each do |output, kept|
      it("is the result: #{output.inspect}") { expect(call(dsl.step_handler("a") { output })).to have_attributes(success?: true, result: kept) }
    end
    it("may be a result that was made") { expect(call(dsl.step_handler("a") { result })).to equal(result) }
    it("may leave early") { expect(call(dsl.step_handler("a") { next({ early: true }) }).result).to eq(early: true) }
  end

  it "turns exceptions into failures" do
    permanent = call(dsl.step_handler("a") { raise TaskerCore::Errors::PermanentError.new("no", error_code: "E") })
    expect(permanent).to have_attributes(error_type: "PermanentError", retryable: false, error_code: "E")
    expect(call(dsl.step_handler("b") do
                  raise TaskerCore::Errors::RetryableError, "no"
                end)).to have_attributes(error_type: "RetryableError", retryable: true)
    expect(call(dsl.step_handler("c") { raise "no" })).to have_attributes(error_type: "UnexpectedError", retryable: true, message: "no")
  end

  describe "mistakes" do
    it "are told where handlers are made" do
      expect { dsl.step_handler("a") }.to raise_error(TaskerCore::Errors::ConfigurationError, /needs a block/)
      expect { dsl.step_handler("") { 1 } }.to raise_error(TaskerCore::Errors::ConfigurationError, /needs a name/)
      expect do
        dsl.step_handler("a") do |context|
          context
        end
      end.to raise_error(TaskerCore::Errors::ConfigurationError, /write `\|context:\|`, not `\|context\|`/)
      expect do
        dsl.step_handler("a", depends_on: { cart: 5 }) do
          1
        end
      end.to raise_error(TaskerCore::Errors::ConfigurationError, /cart of the handler a depends on/)
    end
  end

  describe "decisions" do
    it "route, and say why" do
      made = dsl.decision_handler("route", inputs: [:amount]) do |amount:|
        TaskerCore::StepHandler::Functional::Decision.route(%w[a b], amount: amount)
      end
      expect(call(made, context: { amount: 5 }).result).to eq(amount: 5, decision_point_outcome: { type: "create_steps", step_names: %w[a b] })
      expect(made.new).to be_a(TaskerCore::StepHandler::Decision)
    end

    it "skip" do
      made = dsl.decision_handler("route") { TaskerCore::StepHandler::Functional::Decision.skip("nothing", amount: 0) }
      expect(call(made).result).to eq(amount: 0, reason: "nothing", decision_point_outcome: { type: "no_branches" })
    end

    it "are values" do
      route = described_class::Decision.route(:a, x: 1)
      expect(route).to have_attributes(type: "create_steps", steps: ["a"], reason: nil, routing_context: { x: 1 })
      expect(described_class::Decision.skip("why")).to have_attributes(type: "no_branches", steps: [], reason: "why", routing_context: {})
    end

    it "that choose nothing fail for good" do
      expect(call(dsl.decision_handler("r") do
                    TaskerCore::StepHandler::Functional::Decision.route([])
                  end)).to have_attributes(success?: false, retryable: false)
    end
  end

  describe "batches" do
    let(:config) { described_class::BatchConfig }

    it "are made of a size" do
      kind = config
      made = dsl.batch_analyzer("analyze", worker_template: "process", inputs: [:rows]) do |rows:|
        kind.new(total_items: rows, batch_size: 2, metadata: { f: 1 })
      end
      outcome = call(made, context: { rows: 5 }).result
      expect(outcome[:batch_metadata]).to eq(f: 1)
      expect(outcome[:batch_processing_outcome]).to include(worker_template_name: "process", worker_count: 3, total_items: 5)
      expect(outcome[:batch_processing_outcome][:cursor_configs].last).to eq(batch_id: "003", start_cursor: 4, end_cursor: 5, batch_size: 1)
      expect(call(made, context: { rows: 0 }).result[:batch_processing_outcome]).to eq(type: "no_batches")
      expect(call(made, context: { rows: "x" })).to have_attributes(success?: false, retryable: false)
    end

    it "need the step that their workers are made from" do
      kind = config
      failed = call(dsl.step_handler("a") { kind.new(total_items: 1, batch_size: 1) })
      expect(failed).to have_attributes(success?: false, retryable: false, message: /use batch_analyzer/)
    end

    it "are given to workers" do
      seen = []
      made = dsl.batch_worker("process") do |batch_context:|
        seen << batch_context.start_cursor
        { done: batch_context.batch_id }
      end
      cursor = { "batch_id" => "001", "start_cursor" => 3, "end_cursor" => 7 }
      expect(call(made, inputs: { "cursor" => cursor }).result).to eq(done: "001")
      expect(call(made, inputs: { "cursor" => cursor, "is_no_op" => true }).result).to include(no_op: true)
      expect(seen).to eq([3])
    end
  end

  it "gives API handlers their client" do
    made = dsl.api_handler("call", base_url: "http://localhost:1", timeout: 3, headers: { "X-A" => "b" }) do |api:, context:|
      [api.connection.url, api.connection.options.timeout, api.connection.headers["X-A"], context.step_name]
    end
    allow_any_instance_of(made).to receive(:faraday?).and_return(false)
    expect(call(made).result).to eq(["http://localhost:1", 3, "b", "a_step"])
    expect(made.new(config: { "url" => "http://other" }).config["url"]).to eq("http://other")
  end
end
