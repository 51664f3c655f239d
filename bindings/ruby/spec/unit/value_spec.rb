# frozen_string_literal: true

require "tasker_core/types"

RSpec.describe TaskerCore::Types::Value do
  kinds = TaskerCore::Types::Kinds
  item = Class.new(described_class) do
    attribute :sku, kinds::STRING
    attribute :count, kinds::COUNT, default: 1
    attribute? :note, kinds::STRING
  end
  cart = Class.new(described_class) do
    attribute :items, kinds.list(kinds.instance(item)), default: -> { [] }
    attribute :rates, kinds::HASH, default: -> { {} }
  end

  it "is made by keywords, and from hashes with strings or symbols" do
    made = [item.new(sku: "a"), item.new({ "sku" => "a" }), item.new({ sku: "a", count: 1 }), item.from_hash({ "sku" => "a", "more" => 1 })]
    expect(made.uniq.size).to eq(1)
    expect(made.first).to have_attributes(sku: "a", count: 1, note: nil)
    expect(made.first[:sku]).to eq("a")
    expect(item.new(made.first)).to equal(made.first)
    expect(item.new({ "sku" => "a" }, count: 5).count).to eq(5)
  end

  [[{}, /needs sku/], [{ sku: 1 }, /sku: expected String, got 1/], [{ sku: "a", count: -1 }, /count: expected a whole number from 0/],
   [{ sku: "a", note: 5 }, /note: expected String, got 5/]].each do |given, message|
    it "refuses #{given}" do
      expect { item.new(given) }.to raise_error(TaskerCore::Errors::ValidationError, message)
    end
  end

  it "refuses what is no Hash" do
    expect { item.new([1]) }.to raise_error(TaskerCore::Errors::ValidationError, /made from a Hash, not from Array/)
  end

  it "holds other values, and becomes hashes with them" do
    made = cart.new(items: [{ sku: "a" }, item.new(sku: "b")], rates: { full: item.new(sku: "c") })
    expect(made.items.map(&:sku)).to eq(%w[a b])
    expect(made.to_h).to eq(
      items: [{ sku: "a", count: 1, note: nil }, { sku: "b", count: 1, note: nil }], rates: { full: { sku: "c", count: 1, note: nil } }
    )
    expect(cart.new.items).not_to equal(cart.new.items)
  end

  it "is changed by copies alone" do
    made = item.new(sku: "a")
    expect(made.with(count: 2)).to eq(item.new(sku: "a", count: 2))
    expect(made.count).to eq(1)
    expect(made).not_to respond_to(:sku=)
    expect([made == item.new(sku: "b"), made.eql?(item.new(sku: "a")), { made => 1 }[item.new(sku: "a")]]).to eq([false, true, 1])
    expect(made.inspect).to include('sku="a"')
  end

  it "matches patterns" do
    matched = case item.new(sku: "a")
              in { sku: String => sku, count: } then [sku, count]
              end
    expect(matched).to eq(["a", 1])
  end

  it "hands its attributes down" do
    heavy = Class.new(item) { attribute :weight, kinds::FLOAT }
    expect(heavy.attribute_names).to eq(%i[sku count note weight])
    expect(item.attribute_names).to eq(%i[sku count note])
    expect(heavy.new(sku: "a", weight: 2).weight).to eq(2.0)
  end
end

RSpec.describe TaskerCore::Types do
  it "knows the kinds of names" do
    expect(described_class::Namespace.valid?("payments_eu")).to be(true)
    expect(described_class::Namespace.valid?("1 x")).to be(false)
    expect([described_class::StepName, described_class::TaskName].map { |kind| kind.valid?("") }).to eq([false, false])
    expect([described_class::TaskVersion.valid?("1.0.0"), described_class::TaskVersion.valid?("1")]).to eq([true, false])
    expect([described_class::RetryCount.valid?(0), described_class::RetryCount.valid?(-1)]).to eq([true, false])
    expect([described_class::TimeoutMs.valid?(1), described_class::TimeoutMs.valid?(0)]).to eq([true, false])
    expect([Steps::TASK.match?(described_class::UUID_REGEX), "x".match?(described_class::UUID_REGEX)]).to eq([true, false])
    expect([described_class::Priority[5], described_class::ExecutionContext[{ "a" => 1 }]]).to eq([5, { "a" => 1 }])
    expect { described_class::QueueMessageEnvelope.call(1) }.to raise_error(ArgumentError, /expected Hash, got 1/)
  end

  describe "error types" do
    let(:types) { described_class::ErrorTypes }

    it "are five, which results call by the names of all languages" do
      expect(types::ALL).to eq(%w[PermanentError RetryableError ValidationError UnexpectedError StepCompletionError])
      expect(types::ALL.map { |type| types.wire_name(type) })
        .to eq(%w[permanent_error retryable_error validation_error handler_error step_completion_error])
      expect(types.wire_name("sold_out")).to eq("sold_out")
    end

    it "are typically of one sort" do
      expect(types::ALL.select { |type| types.typically_retryable?(type) }).to eq(%w[RetryableError UnexpectedError])
      expect(types::ALL.select { |type| types.typically_permanent?(type) }).to eq(%w[PermanentError ValidationError])
      expect([types.valid?("PermanentError"), types.valid?("permanent_error")]).to eq([true, false])
    end
  end

  describe "messages" do
    let(:uuids) { { task_uuid: Steps::TASK, step_uuid: Steps::STEP } }

    it "name a step by UUIDs" do
      message = described_class::SimpleStepMessage.from_hash(uuids.transform_keys(&:to_s))
      expect(message.to_h).to eq(**uuids, ready_dependency_step_uuids: [])
      expect(described_class::SimpleStepMessage.build_test(**uuids)).to eq(message)
      expect { described_class::SimpleStepMessage.new(**uuids, step_uuid: "x") }.to raise_error(TaskerCore::Errors::ValidationError, /a UUID/)
    end

    it "stand in a queue" do
      data = described_class::SimpleQueueMessageData.new(
        msg_id: 5, read_ct: 1, enqueued_at: "2026-01-31T12:00:00Z", vt: Time.utc(2026), message: uuids
      )
      expect(data).to have_attributes(**uuids, ready_dependency_step_uuids: [], enqueued_at: Time.utc(2026, 1, 31, 12))
      expect(data.step_message).to be_a(described_class::SimpleStepMessage)
      expect(data.queue_message.keys).to eq(%i[msg_id read_ct enqueued_at vt])
    end

    it "name a step by names" do
      message = described_class::StepMessage.new({ "step_name" => "a", namespace: "n", execution_context: { b: 1 } })
      expect(message).to have_attributes(step_name: "a", namespace: "n", task_uuid: nil, execution_context: { "b" => 1 })
    end

    it "are held against what there is" do
      message = described_class::SimpleStepMessage.build_test(**uuids, ready_dependency_step_uuids: [Steps::TASK])
      missing = Class.new(StandardError)
      client = Class.new { define_singleton_method(:get_task) { |_| :task } }
      client.define_singleton_method(:get_step) { |_, step| step == Steps::STEP ? :step : raise(missing) }
      stub_const("TaskerCore::Client", client)
      stub_const("TaskerCore::CoreNotFoundError", missing)
      allow(message).to receive(:require).with("tasker_core")
      expect([message.fetch_task, message.fetch_step, message.fetch_dependencies]).to eq([:task, :step, []])
      expect([message.task_exists?, message.step_exists?, message.all_dependencies_exist?, message.valid_references?])
        .to eq([true, true, false, false])
    end
  end

  describe "requests for tasks" do
    it "have defaults" do
      request = described_class::TaskRequest.build_test(namespace: "n", name: "t", context: { a: 1 })
      expect(request).to have_attributes(version: "1.0.0", status: "PENDING", complete: false, tags: [], initiator: "test")
      expect(request.correlation_id).to match(described_class::UUID_REGEX)
      expect(request.valid_for_creation?).to be(true)
      expect(request.with(name: "").valid_for_creation?).to be(false)
      expect(request.to_s).to include("n/t 1.0.0")
    end

    it "become what creates tasks" do
      request = described_class::TaskRequest.build_test(namespace: "n", name: "t", context: {}, priority: 5, max_retries: 2)
      expect(request.to_ffi_hash.keys).to match_array(
        %i[namespace name version initiator source_system reason tags context priority correlation_id]
      )
    end

    it "lead to tasks" do
      made = described_class::TaskResponse.new(task_uuid: "u", status: "pending")
      expect([made.workflow_steps, made.to_s]).to eq([[], "#<TaskerCore::Types::TaskTypes::TaskResponse u pending>"])
    end
  end

  describe "records of attempts" do
    let(:ids) { { step_uuid: "s", task_uuid: "t" } }

    it "succeed, fail, or go on" do
      results = described_class::StepTypes::StepResult
      done = results.success(**ids, result_data: { a: 1 }, execution_time_ms: 5)
      failed = results.failure(**ids, error: { error_type: "X", message: "no", retryable: false })
      going = results.in_progress(**ids)
      expect([done, failed, going].map { |result| [result.success?, result.failed?, result.status.in_progress?] })
        .to eq([[true, false, false], [false, true, false], [false, false, true]])
      expect(done.to_h).to include(status: "success", result_data: { a: 1 }, execution_time_ms: 5)
      expect(failed.to_h[:error]).to eq(error_type: "X", message: "no", retryable: false)
    end

    it "are told in short" do
      done = described_class::StepCompletion.new(step_name: :a, status: "complete", duration_ms: 1500)
      expect(done).to have_attributes(step_name: "a", completed?: true, failed?: false, pending?: false, duration_seconds: 1.5, valid?: true)
      expect(described_class::StepCompletion.new(step_name: "a", status: "failed").valid?).to be(false)
      expect(done.to_s).to include("a complete")
    end
  end

  describe "answers to clients" do
    it "have nil for what is not told" do
      task = described_class::ClientTaskResponse.new("task_uuid" => "u", "status" => "complete", "context" => { "a" => { "b" => 1 } }, "tags" => nil)
      expect(task).to have_attributes(task_uuid: "u", status: "complete", tags: nil, priority: nil, steps: [])
      expect(task.context[:a][:b]).to eq(1)
      expect(task.to_s).to include("u complete")
    end

    it "hold one another" do
      page = described_class::ClientTaskListResponse.new("tasks" => [{ "task_uuid" => "u" }], "pagination" => { "page" => 1 })
      expect([page.tasks.first.task_uuid, page.pagination[:page]]).to eq(["u", 1])
      expect(described_class::ClientHealthResponse.new(status: "healthy").healthy?).to be(true)
      expect(described_class::ClientStepResponse.new(step_uuid: "s", results: { "result" => 1 }).results[:result]).to eq(1)
      expect(described_class::ClientStepAuditResponse.new(audit_uuid: "a", success: true).success).to be(true)
      expect(described_class::ClientStepReadiness.new(attempts: 1).attempts).to eq(1)
      expect(described_class::ClientPaginationInfo.new(has_next: false).has_next).to be(false)
    end
  end

  describe "templates" do
    let(:template) do
      described_class::TaskTemplate.new(
        name: "orders", namespace_name: "shop", version: "1.2.0",
        steps: [
          { name: "a", handler: { callable: "h.a", method: "check", initialization: { url: "x" } }, retry: { max_attempts: 5 } },
          { "name" => "b", "handler" => { "callable" => "h.b" }, "dependencies" => ["a"], "type" => "decision", "timeout_seconds" => 5 }
        ],
        environments: {
          test: { steps: [{ name: "ALL", timeout_seconds: 1 },
                          { name: "a", handler: { initialization: { "key" => "k" } }, retry: { limit: 1 } }] }
        }
      )
    end

    it "tell of their steps" do
      expect(template).to have_attributes(template_key: "shop/orders:1.2.0", all_callables: %w[h.a h.b], valid_for_registration?: true)
      first, second = template.steps
      expect(first).to have_attributes(standard?: true, decision?: false, dependencies: [], timeout_seconds: nil, publishes_events: [])
      expect(first.handler).to have_attributes(effective_method: "check", uses_method_dispatch?: true, has_resolver_hint?: false)
      expect(first.retry.to_h).to eq(retryable: true, limit: 5, backoff: "exponential", backoff_base_ms: 1000, max_backoff_ms: 30_000)
      expect([second.depends_on?(:a), second.depends_on?("x"), second.decision?]).to eq([true, false, true])
    end

    it "are changed by environments" do
      changed = template.resolve_for_environment(:test).steps
      expect(changed.map(&:timeout_seconds)).to eq([1, 1])
      expect(changed.first.handler.initialization).to eq({ "url" => "x", "key" => "k" })
      expect([changed.first.retry.limit, changed.last.retry.limit]).to eq([1, 3])
      expect(template.resolve_for_environment("production")).to equal(template)
    end

    it "need names, and steps with handlers" do
      expect(template.with(name: "").valid_for_registration?).to be(false)
      expect(template.with(steps: []).valid_for_registration?).to be(false)
      expect { template.with(version: "1") }.to raise_error(TaskerCore::Errors::ValidationError, /a version/)
    end
  end

  describe "definitions of handlers" do
    let(:kind) { described_class::HandlerDefinition }

    it "are read in any form" do
      wrapper = TaskerCore::Models::HandlerWrapper.new({ "callable" => "a", "method" => "m", "resolver" => "r", "initialization" => { "b" => 1 } })
      expect([kind.of("a"), kind.of(:a)]).to eq([kind.new(callable: "a")] * 2)
      expect(kind.of(wrapper)).to have_attributes(callable: "a", handler_method: "m", resolver: "r", initialization: { "b" => 1 })
      expect(kind.of({ callable: "a", handler_method: "m" })).to have_attributes(effective_method: "m", has_resolver_hint?: false)
      expect(kind.of(nil.to_h)).to have_attributes(callable: "", effective_method: "call", uses_method_dispatch?: false)
    end
  end
end
