# frozen_string_literal: true

require "tempfile"
require "tasker_core"

# Every row of docs/testdata/parity.json, which Python's tests hold against as well; docs/parity.md is for people.
RSpec.describe "what Ruby and Python do alike" do
  docs = File.expand_path("../../../../docs", __dir__)
  table = JSON.parse(File.read(File.join(docs, "testdata", "parity.json")))
  errors = TaskerCore::Errors
  base = TaskerCore::StepHandler::Base
  batchable = TaskerCore::StepHandler::Batchable.new
  api = TaskerCore::StepHandler::Api.new
  functional = TaskerCore::StepHandler::Functional

  # What a client asks the core for when it is called.
  def told_to(receiver, method, *given, **more)
    seen = nil
    allow(receiver).to receive(:call) { |_, params| seen = params and {} }
    begin
      receiver.public_send(method, *given, **more)
    rescue TaskerCore::Errors::ValidationError # an empty answer
      nil
    end
    seen
  end

  def document_of(&work)
    handler = Class.new(TaskerCore::StepHandler::Base) { define_method(:call) { |context| instance_exec(context, &work) } }
    run_step(registry(a_handler: handler))
  end

  def failure_of(document)
    document["error"].slice("error_type", "retryable")
  end

  def failing(error)
    document_of { |_| raise error }
  end

  def hint(kind)
    failing(kind.new("x", retry_after: 2))["orchestration_metadata"]["backoff_hint"].slice("backoff_type", "delay_seconds")
  end

  def pairs(configs)
    configs.map { |config| config.values_at(:start_cursor, :end_cursor) }
  end

  def waiting(receiver)
    TaskerCore::Workflow::Run.new("t", receiver)
  end

  workflow = Class.new(TaskerCore::Workflow) do
    workflow_name "orders"
    namespace "shop"
    step :first, "elsewhere"
    step(:charge, retries: 3, timeout: "500ms") { 1 }
  end
  plain = Class.new(TaskerCore::Workflow) do
    workflow_name "plain"
    step :only, "elsewhere"
  end
  outcome = ->(result) { result.result }
  idle = { "cursor" => { "batch_id" => "000", "start_cursor" => 0, "end_cursor" => 0, "batch_size" => 0 }, "is_no_op" => true }
  template = lambda do |key|
    Tempfile.create(["t", ".yaml"]) do |file|
      file.write("name: a")
      file.flush
      TaskerCore::TemplateDiscovery::TemplateParser.extract_template_metadata(file.path)[key]
    end
  end

  raised = %w[PermanentError ValidationError NotFoundError AuthenticationError AuthorizationError BusinessLogicError ConfigurationError
              RetryableError TimeoutError NetworkError RateLimitError ServiceUnavailableError ResourceContentionError FFIError]
  created = -> { told_to(TaskerCore::Client, :create_task, name: "n") }
  listed = -> { told_to(TaskerCore::Client, :list_tasks) }
  checks = {
    "client.create_task.namespace" => -> { instance_exec(&created)[:namespace] },
    "client.create_task.version" => -> { instance_exec(&created)[:version] },
    "client.create_task.context" => -> { instance_exec(&created)[:context] },
    "client.create_task.initiator" => -> { instance_exec(&created)[:initiator] },
    "client.create_task.source_system" => -> { instance_exec(&created)[:source_system] },
    "client.create_task.reason" => -> { instance_exec(&created)[:reason] },
    "client.list_tasks.limit" => -> { instance_exec(&listed)[:limit] },
    "client.list_tasks.offset" => -> { instance_exec(&listed)[:offset] },
    "client.wait_for_task.timeout" => lambda {
      # The deadline is the clock's reading at the beginning and the timeout: so that it is over at 60.0 and not before.
      clock = [0.0, 59.9, 60.0].each
      allow(TaskerCore::Client).to receive_messages(get_task: Struct.new(:status, :task_uuid, :execution_status).new("pending"), sleep: nil)
      allow(Process).to receive(:clock_gettime) { clock.next }
      begin
        TaskerCore::Client.wait_for_task("t")
      rescue TaskerCore::Client::WaitTimeoutError => e
        e.message[/after ([\d.]+) seconds/, 1].to_f
      end
    },
    "worker.grace" => -> { TaskerCore::Worker::Bootstrap::GRACE },
    "context.input_data" => -> { make_context(context: { a: 1 }, inputs: { b: 2 }).input_data == { "a" => 1 } ? "the task's context" : "?" },
    "context.step_inputs" => -> { make_context(context: { a: 1 }, inputs: { b: 2 }).step_inputs == { "b" => 2 } ? "the step's own inputs" : "?" },
    "context.retry_count" => -> { make_context(attempts: nil).retry_count },
    "context.max_retries" => -> { make_context(max_attempts: nil).max_retries },
    "context.checkpoint_items_processed" => -> { make_context.checkpoint_items_processed },
    "context.idempotency_key" => -> { make_context.idempotency_key == Steps::STEP ? "the step's UUID" : "?" },
    "handler.version" => -> { base.handler_version },
    "handler.capabilities" => -> { base.new.capabilities },
    "handler.success.result" => -> { document_of { |_| success }["result"] },
    "handler.failure.error_type" => -> { document_of { |_| failure(message: "x") }["error"]["error_type"] },
    "handler.failure.retryable" => -> { document_of { |_| failure(message: "x") }["error"]["retryable"] },
    "handler.failure.error_code" => -> { document_of { |_| failure(message: "x") }["metadata"]["error_code"] },
    "handler.unknown" => -> { failure_of(run_step(registry, "nobody")) },
    "handler.panic" => -> { failure_of(failing(SystemExit.new)) },
    **raised.to_h { |name| ["error.#{name}", -> { failure_of(failing(errors.const_get(name).new("x"))) }] },
    "error.of_an_argument" => -> { failure_of(failing(ArgumentError.new("x"))) },
    "error.of_a_socket" => -> { failure_of(failing(Errno::ECONNRESET.new("x"))) },
    "error.of_anything_else" => -> { failure_of(failing(RuntimeError.new("x"))) },
    **%w[RetryableError RateLimitError ServiceUnavailableError].to_h { |name| ["retry_after.#{name}", -> { hint(errors.const_get(name)) }] },
    "json.max_nesting" => -> { TaskerCore::Native::Codec::MAX_DEPTH },
    "json.unserialisable.error_type" => -> { TaskerCore::Worker::SerializationFailure.document({}, "x")["error"]["error_type"] },
    "json.unserialisable.longest_message" => -> { TaskerCore::Worker::SerializationFailure.document({}, "x" * 1000)["error"]["message"].size },
    "decision.create_steps" => -> { outcome.call(TaskerCore::StepHandler::Decision.new.decision_success(steps: %w[a b])) },
    "decision.no_branches" => -> { outcome.call(functional::Output.result(functional::Decision.skip("nothing to do"))) },
    "decision.routing_context" => lambda {
      told = outcome.call(functional::Output.result(functional::Decision.route("a", amount: 5)))
      told[:amount] == 5 ? "beside result.decision_point_outcome" : "?"
    },
    "batch.ranges_of_size" => -> { pairs(TaskerCore::BatchProcessing::Ranges.of_size(7, 3)) },
    "batch.ranges_for_workers" => -> { pairs(batchable.create_cursor_configs(7, 3)) },
    "batch.ids" => -> { batchable.create_cursor_configs(2, 2).map { |config| config[:batch_id] } },
    "batch.worker_result" => -> { outcome.call(batchable.batch_worker_success(items_processed: 3, items_succeeded: 2, items_failed: 1)) },
    "batch.idle_worker_result" => -> { outcome.call(batchable.handle_no_op_worker(make_context(inputs: idle))) },
    "batch.aggregate_of_nothing" => -> { outcome.call(batchable.no_batches_aggregation_result) },
    "batch.max_errors" => lambda {
      TaskerCore::BatchProcessing::Aggregation.sum([{ errors: Array.new(500) { {} } }])[:errors].size
    },
    "batch.checkpoint" => -> { document_of { |_| batchable.checkpoint_yield(cursor: 7, items_processed: 5) } },
    "api.timeout" => -> { TaskerCore::StepHandler::Mixins::API::DEFAULT_TIMEOUT },
    "api.retryable_statuses" => -> { (100..599).select { |status| api.api_failure(message: "x", status: status).retryable } },
    **[404, 429, 503].to_h do |status|
      ["api.failure_of_#{status}", -> { failure_of(document_of { |_| api.api_failure(message: "x", status: status) }) }]
    end,
    "resolver.explicit_mapping.priority" => -> { TaskerCore::Registry::Resolvers::ExplicitMappingResolver.new.priority },
    "resolver.own.priority" => -> { Class.new(TaskerCore::Registry::Resolvers::RegistryResolver).new.priority },
    "resolver.by_class.name" => -> { TaskerCore::Registry::ResolverChain.default.resolver_names.last },
    "resolver.by_class.priority" => -> { TaskerCore::Registry::ResolverChain.default.chain_info.last[:priority] },
    "resolver.method" => -> { TaskerCore::Types::HandlerDefinition.of("a").effective_method },
    "publisher.default" => -> { TaskerCore::DomainEvents::DefaultPublisher.new.name },
    "publisher.delivery_mode" => lambda {
      sent = nil
      allow(TaskerCore::DomainEvents::Outlet).to receive(:send_event) { |document| sent = document }
      TaskerCore::DomainEvents::DefaultPublisher.new.publish(event_name: "a.b", step_result: {})
      sent["delivery_mode"]
    },
    "template.namespace" => -> { template.call(:namespace) },
    "template.version" => -> { template.call(:version) },
    "workflow.namespace" => -> { plain.template["namespace_name"] },
    "workflow.version" => -> { plain.template["version"] },
    "workflow.step.type" => -> { plain.steps.first.type },
    "workflow.step.retries_of_3" => -> { workflow.template["steps"].last["retry"] },
    "workflow.step.timeout_of_500ms" => -> { workflow.template["steps"].last["timeout_seconds"] },
    "workflow.step.callable" => -> { workflow.template["steps"].last["handler"]["callable"] },
    "workflow.start.reason" => lambda {
      request = nil
      client = Class.new { define_singleton_method(:create_task) { |**asked| Struct.new(:task_uuid).new(request = asked) } }
      plain.start({}, client: client)
      request[:reason]
    },
    "workflow.run.wait.timeout" => lambda {
      seen = nil
      client = Class.new do
        define_singleton_method(:wait_for_task) do |_, timeout:|
          seen = timeout
          Struct.new(:status).new("complete")
        end
      end
      waiting(client).wait
      seen
    }
  }

  it "is all of the table, and no more" do
    expect(checks.keys).to match_array(table.keys)
  end

  table.each do |name, row|
    it "is what the table says of #{name}" do
      expect(JSON.parse(JSON.generate([instance_exec(&checks.fetch(name))]))).to eq([row.fetch("both") { row["ruby"] }])
    end

    it "tells people of #{name}" do
      cells = [name, *(row.key?("both") ? [row["both"]] : row.values_at("python", "ruby")).map { |value| "`#{as_told(value)}`" }, row["why"]].compact
      expect(File.readlines(File.join(docs, "parity.md"), chomp: true)).to include("| #{cells.join(" | ")} |")
    end
  end

  # A value as the table for people has it.
  def as_told(value)
    case value
    when Hash then "{#{value.map { |key, item| "#{key.to_json}: #{as_told(item)}" }.join(", ")}}"
    when Array then "[#{value.map { |item| as_told(item) }.join(", ")}]"
    else value.to_json
    end
  end
end
