# frozen_string_literal: true

require "bigdecimal"
require "time"
require "tasker_core/execution"
require "tasker_core/native/codec"
require "tasker_core/step_handler"
require "tasker_core/worker/serialization_failure"

RSpec.describe TaskerCore::Execution do
  let(:errors) { TaskerCore::Errors }
  let(:results) { TaskerCore::Types::StepHandlerCallResult }

  def handler(&work)
    Class.new(TaskerCore::StepHandler::Base) do
      self.handler_version = "2.1.0"
      define_method(:call) { |context| instance_exec(context, &work) }
    end
  end

  def run_handler(**parts, &work)
    run_step(registry(a_handler: handler(&work)), **parts)
  end

  def raising(error, **parts)
    run_handler(**parts) { |_| raise error }
  end

  describe "a step that is done" do
    cart = Struct.new(:total, :items, keyword_init: true)
    {
      "a Hash" => [{ a: 1, "b" => :paid }, { "a" => 1, "b" => "paid" }],
      "nil" => [nil, {}],
      "a list" => [[1, "two", nil], [1, "two", nil]],
      "a number" => [0, 0],
      "false" => [false, false],
      "text" => %w[text text],
      "a Struct" => [cart.new(total: 5, items: [cart.new(total: 1)]),
                     { "total" => 5, "items" => [{ "total" => 1, "items" => nil }] }],
      "structs in a Hash" => [{ carts: [cart.new(total: 5)] }, { "carts" => [{ "total" => 5, "items" => nil }] }],
      "a Hash in the shape of a result" => [{ success: true, result: { a: 1 } }, { "a" => 1 }],
      "a Hash that has more in it" => [{ success: true, result: 1, rows: 2 }, { "success" => true, "result" => 1, "rows" => 2 }],
      "a Hash that is false for a reason of its own" => [{ success: false, rows: 2 }, { "success" => false, "rows" => 2 }]
    }.each do |what, (output, result)|
      it "has #{what} for its result" do
        document = run_handler { |_| output }
        expect(document).to include("success" => true, "status" => "completed", "result" => result)
      end
    end

    it "tells who made it, and how long it took" do
      document = run_handler { |_| success(result: {}, metadata: { rows: 3, at: Time.utc(2026), rate: Float::NAN }) }
      metadata = document["metadata"]
      expect(document["step_uuid"]).to eq(Steps::STEP)
      expect(metadata).to include("worker_id" => "worker-1", "handler_version" => "2.1.0", "retryable" => false)
      expect(metadata["execution_time_ms"]).to be >= 0
      expect(metadata["custom"]).to eq({ "rows" => 3, "at" => "2026-01-01T00:00:00Z", "rate" => "NaN" })
    end

    it "keeps whole numbers exact" do
      big = 9_007_199_254_740_993
      expect(run_handler(context: { big: big }) { |c| { big: c.get_input("big") + (2**64) } }["result"]).to eq({ "big" => big + (2**64) })
    end
  end

  describe "what cannot be stored" do
    it "is left in the document, for the encoder to refuse" do
      loop_of_itself = []
      loop_of_itself << loop_of_itself << loop_of_itself
      [Time.now, BigDecimal("1.5"), Object.new, Float::NAN, { 1 => 2 }, "\xFF".b, loop_of_itself].each do |value|
        document = described_class.run(make_event, resolver: registry(a_handler: handler { |_| { value: value } }))
        expect { TaskerCore::Native::Codec.dump(document) }.to raise_error(TaskerCore::EncodeError)
      end
    end

    it "becomes a failure that is always JSON, and fits the contract" do
      document = described_class.run(make_event, resolver: registry(a_handler: handler { |_| { at: Time.now } }), worker_id: "w")
      failure = TaskerCore::Worker::SerializationFailure.document(document, "at: \xFF" * 500)
      check_contract(failure)
      expect(failure["error"]).to include("error_type" => "FFI_SERIALIZATION_ERROR", "retryable" => false)
      expect(failure["error"]["message"].length).to be <= 500
      expect(failure["metadata"]["custom"]).to include("original_success" => true)
      expect(TaskerCore::Native::Codec.dump(failure)).to include('"worker_id":"w"')
    end
  end

  it "leaves a result whole that has a key twice, for the core to refuse" do
    document = described_class.run(make_event, resolver: registry(a_handler: handler { |_| { a: 1, "a" => 2 } }))
    expect(document["result"]).to eq({ a: 1, "a" => 2 })
  end

  describe "a failure" do
    it "that is permanent is not retried" do
      document = raising(errors::PermanentError.new("payment is required", error_code: "PAYMENT_MISSING"))
      expect(document).to include("success" => false, "result" => {}, "status" => "error")
      expect(document["metadata"]).to include("retryable" => false, "error_code" => "PAYMENT_MISSING", "error_type" => "permanent_error")
      expect(document["error"]).to include("message" => "payment is required", "retryable" => false, "error_type" => "permanent_error")
    end

    {
      "RetryableError" => [-> { TaskerCore::Errors::RetryableError.new("x") }, "retryable_error", true],
      "ValidationError" => [-> { TaskerCore::Errors::ValidationError.new("x") }, "permanent_error", false],
      "NetworkError" => [-> { TaskerCore::Errors::NetworkError.new("x") }, "retryable_error", true],
      "TimeoutError" => [-> { TaskerCore::Errors::TimeoutError.new("x") }, "retryable_error", true],
      "ConfigurationError" => [-> { TaskerCore::Errors::ConfigurationError.new("x") }, "handler_error", false],
      "DatabaseError" => [-> { TaskerCore::Errors::DatabaseError.new("x") }, "handler_error", false],
      "ArgumentError" => [-> { ArgumentError.new("x") }, "handler_error", true],
      "Errno" => [-> { Errno::ECONNRESET.new("x") }, "handler_error", true],
      "Timeout" => [-> { Timeout::Error.new("x") }, "handler_error", true],
      "NotImplementedError" => [-> { NotImplementedError.new("x") }, "handler_error", false],
      "SystemStackError" => [-> { SystemStackError.new("x") }, "handler_error", true],
      "SystemExit" => [-> { SystemExit.new(3, "x") }, "handler_panic", false],
      "NoMemoryError" => [-> { NoMemoryError.new("x") }, "handler_panic", false],
      "a bare Exception" => [-> { Exception.new("x") }, "handler_panic", false]
    }.each do |name, (make, error_type, retryable)|
      it "is made of #{name}, as the classifier judges it" do
        document = raising(make.call)
        expect(document["error"]).to include("error_type" => error_type, "retryable" => retryable)
        expect(document["error"]["message"]).to end_with("x")
        expect(document["metadata"]).to include("retryable" => retryable, "error_type" => error_type)
        expect(document["error"]["backtrace"].first).to include("execution_spec.rb")
      end
    end

    it "tells all that its error was told" do
      document = raising(errors::NetworkError.new("down", status_code: 503, context: { region: "eu" }))
      expect(document["error"]).to include("context" => { "region" => "eu" }, "status_code" => 503)
      expect(document["metadata"]["custom"])
        .to eq({ "status_code" => 503, "exception_class" => "TaskerCore::Errors::NetworkError" })
    end

    it "is kept as it was returned" do
      document = run_handler do |_|
        failure(message: "sold out", error_type: "sold_out", error_code: "S1", metadata: { sku: "a" })
      end
      expect(outcome_of(document)).to eq(
        "success" => false, "result" => {}, "retryable" => false, "error_code" => "S1", "message" => "sold out",
        "error_type" => "sold_out", "context" => {}
      )
      expect(document["metadata"]["custom"]).to eq({ "sku" => "a" })
    end

    it "is understood as a Hash" do
      document = run_handler { |_| { success: false, error_type: "RetryableError", error: "no", retryable: true } }
      expect(document["error"]).to include("message" => "no", "retryable" => true, "error_type" => "retryable_error")
      nested = run_handler { |_| { "success" => false, "error" => { "message" => "no", "error_code" => "E" } } }
      expect(nested["error"]).to include("message" => "no", "retryable" => false, "error_type" => "handler_error")
      expect(nested["metadata"]["error_code"]).to eq("E")
    end

    it "without a reason gets one" do
      expect(run_handler { |_| failure(message: "") }["error"]["message"]).to eq("the handler failed and gave no reason")
      expect(raising(Class.new(StandardError) { def message = "" }.new)["error"]["message"]).not_to be_empty
    end

    it "is never another one because of what goes with it" do
      unspeakable = Class.new { def to_s = raise("no") }.new
      loop_of_itself = {}
      loop_of_itself["self"] = loop_of_itself
      context = { 1 => Float::NAN, u: unspeakable, loop: loop_of_itself, s: "\xFF\0", b: { true => [1.5] } }
      told = raising(errors::RetryableError.new("x\0\xFF", context: context))["error"]
      expect(told).to include("retryable" => true, "message" => "x\u{FFFD}\u{FFFD}")
      expect(told["context"]).to include("1" => "NaN", "s" => "\u{FFFD}\u{FFFD}", "b" => { "true" => [1.5] })
      expect(told["context"]["u"]).to start_with("(#<Class:")
    end

    it "stops the program on Ctrl-C in the main thread" do
      expect { raising(Interrupt.new) }.to raise_error(Interrupt)
    end

    it "is made of an Interrupt in another thread" do
      expect(Thread.new { raising(Interrupt.new) }.value["error"]["error_type"]).to eq("handler_panic")
    end
  end

  describe "retry_after" do
    {
      "of a RetryableError" => [-> { TaskerCore::Errors::RetryableError.new("x", retry_after: 30) }, "ServerRequested", 30],
      "of less than a second" => [-> { TaskerCore::Errors::RetryableError.new("x", retry_after: 0.2) }, "ServerRequested", 1],
      "of a RateLimitError" => [-> { TaskerCore::Errors::RateLimitError.new("x", retry_after: 60) }, "RateLimit", 60],
      "of a ServiceUnavailableError" => [-> { TaskerCore::Errors::ServiceUnavailableError.new("x", retry_after: 0) }, "ServiceUnavailable", 0],
      "of ages" => [-> { TaskerCore::Errors::RetryableError.new("x", retry_after: 10**12) }, "ServerRequested", (2**32) - 1]
    }.each do |name, (make, kind, seconds)|
      it "#{name} reaches orchestration as a hint" do
        hint = raising(make.call).dig("orchestration_metadata", "backoff_hint")
        expect(hint).to include("backoff_type" => kind, "delay_seconds" => seconds)
      end
    end

    it "stands in the metadata of a failure that is returned" do
      document = run_handler { |_| failure(message: "x", error_type: "rate_limited", retryable: true, metadata: { retry_after: 7 }) }
      expect(document["orchestration_metadata"]["backoff_hint"]).to include("backoff_type" => "RateLimit", "delay_seconds" => 7)
    end

    [nil, -1, Float::INFINITY, Float::NAN, true, "soon"].each do |value|
      it "that is #{value.inspect} is no hint" do
        expect(raising(errors::RetryableError.new("x", retry_after: value))).not_to have_key("orchestration_metadata")
      end
    end

    it "means nothing where nothing is tried again" do
      document = run_handler { |_| failure(message: "x", metadata: { retry_after: 7 }) }
      expect(document).not_to have_key("orchestration_metadata")
    end
  end

  describe "a checkpoint" do
    [50, "token", { "page" => 3 }, nil, [1], true].each do |cursor|
      it "is what a handler yields at #{cursor.inspect}" do
        yields = TaskerCore::Types::StepHandlerCallResult.checkpoint_yield(cursor: cursor, items_processed: 50, accumulated_results: { total: 5 })
        document = run_handler { |_| yields }
        expect(document).to eq({ "cursor" => cursor, "items_processed" => 50, "accumulated_results" => { "total" => 5 } })
      end
    end

    it "is not what a result with a cursor is" do
      expect(run_handler { |_| { cursor: 5, items_processed: 1 } }).to include("success" => true)
    end

    [-1, 1.5, true, "3", nil].each do |count|
      it "refuses #{count.inspect} items" do
        document = run_handler do |_|
          TaskerCore::Types::StepHandlerCallResult.checkpoint_yield(cursor: 1, items_processed: count)
        end
        expect(document["error"]).to include("error_type" => "permanent_error", "retryable" => false, "message" => /items_processed/)
      end
    end
  end

  describe "finding the handler" do
    let(:payments) do
      Class.new(TaskerCore::StepHandler::Base) do
        def call(_context) = { ran: "call" }
        def refund(context) = { ran: "refund", order: context.get_input(:order) }
        def two(_one, _other) = { ran: "two" }

        private

        def hidden(_context) = { ran: "hidden" }
      end
    end

    it "fails a step for good whose handler is not known" do
      document = run_step(registry(charge: handler { |_| 1 }), "chrage")
      expect(document["error"]).to include("error_type" => "handler_not_found", "retryable" => false)
      expect(document["error"]["message"]).to start_with("Handler not found: chrage. This worker has: ").and(include("charge"))
    end

    it "runs the method that the template names" do
      { nil => "call", "call" => "call", "refund" => "refund" }.each do |method, ran|
        document = run_step(registry(payments: payments), { "callable" => "payments", "method" => method }, context: { order: 7 })
        expect(document["result"]["ran"]).to eq(ran)
        expect(document["metadata"]["handler_version"]).to eq("1.0.0")
      end
    end

    %w[nope success failure initialize hidden two handler_name class instance_eval send].each do |method|
      it "fails a step for good whose template names the method #{method}" do
        document = run_step(registry(payments: payments), { "callable" => "payments", "method" => method })
        expect(document["error"]).to include("error_type" => "handler_not_found", "retryable" => false)
        expect(document["error"]["message"]).to end_with("it has: call, refund")
      end
    end

    it "asks only the resolver that the template names" do
      known = registry(charge: handler { |_| 1 })
      expect(run_step(known, { "callable" => "charge", "resolver" => "explicit_mapping" })["success"]).to be(true)
      { "class_constant" => 'does not know "charge"', "nope" => 'no resolver is called "nope"' }.each do |resolver, message|
        document = run_step(known, { "callable" => "charge", "resolver" => resolver })
        expect(document["error"]).to include("error_type" => "handler_not_found", "retryable" => false)
        expect(document["error"]["message"]).to include(message)
      end
    end

    it "fails as its error says when a handler cannot be made" do
      broken = Class.new(TaskerCore::StepHandler::Base) do
        def initialize(**) = raise(TaskerCore::Errors::ServiceUnavailableError.new("no database", retry_after: 5))
      end
      document = run_step(registry(broken: broken), "broken")
      expect(document["error"]).to include("message" => "no database", "retryable" => true)
      expect(document["orchestration_metadata"]["backoff_hint"]["delay_seconds"]).to eq(5)
    end

    it "makes a handler for each attempt" do
      counts = Class.new(TaskerCore::StepHandler::Base) { def call(_context) = @calls = (@calls || 0) + 1 }
      known = registry(counts: counts)
      expect(Array.new(3) { run_step(known, "counts")["result"] }).to eq([1, 1, 1])
    end

    it "gives configuration to a constructor that takes it" do
      configured = Class.new(TaskerCore::StepHandler::Base) { def call(context) = { own: config[:url], told: context.step_config["url"] } }
      spec = { "callable" => "configured", "initialization" => { "url" => "http://a" } }
      expect(run_step(registry(configured: configured), spec)["result"]).to eq({ "own" => "http://a", "told" => "http://a" })
    end

    it "takes blocks, methods, and classes of any kind with a call" do
      plain = Class.new { def call(context) = { name: context.handler_name } }
      known = registry(block: ->(context) { { name: context.handler_name } }, plain: plain, object: plain.new)
      expect(%w[block plain object].map { |name| run_step(known, name)["result"]["name"] }).to eq(%w[block plain object])
    end
  end

  it "lets a handler ask whether its result is still wanted" do
    beats = []
    controls = TaskerCore::Types::StepControls.new(cancelled: -> { beats.size > 1 }, heartbeat: ->(details) { beats << details })
    document = run_step(registry(a_handler: handler { |c| [c.cancelled?, c.heartbeat({ row: 1 }), c.heartbeat, c.cancelled?] }), controls: controls)
    expect(document["result"]).to eq([false, true, false, true])
    expect(beats).to eq([{ row: 1 }, nil])
  end
end
