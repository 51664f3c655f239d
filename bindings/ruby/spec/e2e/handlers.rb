# frozen_string_literal: true

require_relative "forms"

# The handlers of the end-to-end tests. Programs in other processes load this file as well.
module E2E
  # Notes, by task, which handlers began and what they saw; and lets those go on that wait to be told.
  BEGAN, SEEN, GATES = Array.new(3) { Hash.new { |seen, key| seen[key] = Thread::Queue.new } }
  MOST = { now: 0, ever: 0 } # rubocop:disable Style/MutableConstant
  LOCK = Mutex.new

  # W1: what the steps in a row do.
  def self.compute(operation, value)
    case operation
    when "square" then value**2
    when "add" then value + 10
    when "multiply" then value * 3
    when "divide" then value / 2
    end
  end

  class LinearStep < TaskerCore::StepHandler::Base
    PREVIOUS = { "add" => "square", "multiply" => "add", "divide" => "multiply" }.freeze

    def call(context)
      before = PREVIOUS[context.step_name]
      value = before ? context.get_dependency_field(before, "value") : context.get_task_field("even_number")
      success(result: { value: E2E.compute(context.get_config("operation"), value) }, metadata: { operation: context.step_name })
    end
  end

  before = { depends_on: { square: "square", add: "add", multiply: "multiply" }, inputs: [:even_number] }
  Forms.pair("linear.step", LinearStep, **before) do |even_number:, square:, add:, multiply:, context:|
    last = multiply || add || square
    { value: E2E.compute(context.get_config("operation"), last ? last[:value] : even_number) }
  end

  # W13: a template may name another method than `call`. A block has none: there each is a handler of its own.
  class Methods < TaskerCore::StepHandler::Base
    def call(_context)
      success(result: { ran: "call" })
    end

    %w[validate process refund].each do |name|
      define_method(name) { |context| success(result: { ran: name, with: context.get_config("with") }.compact) }
    end
  end

  MethodBlock = Forms.pair("methods.handler", Methods) { { ran: "call" } }
  %w[validate process refund].each do |name|
    Forms.step_handler("dsl.methods.#{name}") { |context:| { ran: name, with: context.get_config("with") }.compact }
  end

  # How steps fail, in whatever form their handlers are written.
  module Failing
    REFUSED = { message: "refused", error_type: "ValidationError", error_code: "NO", metadata: { field: "amount" } }.freeze
    NO_JSON = {
      "time" => -> { Time.now }, "nan" => -> { Float::NAN }, "bytes" => -> { "\xff".b }, "huge" => -> { "x" * (32 << 20) },
      "cycle" => -> { [].tap { |array| array << array } }
    }.freeze

    class << self
      # Fails as the task says.
      def as_told(context)
        send(:"by_#{context.get_input("how")}", context)
      end

      private

      def by_permanent(_context)
        raise TaskerCore::Errors::PermanentError.new("the order is closed", error_code: "CLOSED", context: { order: 7 })
      end

      def by_later(_context)
        raise TaskerCore::Errors::RetryableError, "the gateway is away"
      end

      def by_now(_context)
        raise TaskerCore::Errors::RetryableError.new("the gateway was away", retry_after: 0)
      end

      def by_after(_context)
        raise TaskerCore::Errors::RateLimitError.new("too many calls", retry_after: 600)
      end

      def by_bug(_context)
        nil.no_such_method
      end

      def by_json(context)
        { at: NO_JSON.fetch(context.get_input("what")).call }
      end

      def by_exit(_context)
        exit(3)
      end

      def by_thread(_context)
        Thread.exit
      end

      def by_fatal(_context)
        raise NoMemoryError, "as it were"
      end
    end
  end

  # Fails as the task says, for as many attempts as it says.
  class Fails < TaskerCore::StepHandler::Base
    def call(context)
      SEEN[context.step_uuid] << context.retry_count
      return success(result: { attempt: context.retry_count }) if context.retry_count >= context.get_input_or("times", 99)
      return failure(**Failing::REFUSED) if context.get_input("how") == "result"

      success(result: Failing.as_told(context))
    end
  end

  Forms.pair("errors.fails", Fails, inputs: %i[how times]) do |how:, times:, context:|
    SEEN[context.step_uuid] << context.retry_count
    next({ attempt: context.retry_count }) if context.retry_count >= (times || 99)
    next TaskerCore::Types::StepHandlerCallResult.error(**Failing::REFUSED) if how == "result"

    Failing.as_told(context)
  end

  # Waits until it is told to stop, or for as long as the task says.
  class Waits < TaskerCore::StepHandler::Base
    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    def self.wait(context)
      puts JSON.generate(began: context.retry_count, pid: Process.pid, task: context.task_uuid) if context.get_input("tell")
      $stdout.flush
      BEGAN[context.task_uuid] << true
      deadline = now + context.get_input_or("seconds", 30)
      sleep(0.01) until now > deadline || told_to_end?(context)
      SEEN[context.task_uuid] << { cancelled: context.cancelled?, heartbeat: context.heartbeat }
    end

    # A task may name a file that ends the wait once it is there, or have its handler hear of nothing else.
    def self.told_to_end?(context)
      file = context.get_input("until")
      (file && File.exist?(file)) || (!context.get_input("deaf") && context.cancelled?)
    end

    def call(context)
      self.class.wait(context)
      success(result: {})
    end
  end

  Forms.pair("waits.wait", Waits) do |context:|
    Waits.wait(context)
    {}
  end

  # E12: its first attempt takes longer than it may, and ends when the test says so.
  class Late < TaskerCore::StepHandler::Base
    def call(context)
      GATES[context.task_uuid].pop unless context.is_retry?
      success(result: { attempt: context.retry_count })
    end
  end

  Forms.pair("waits.late", Late) do |context:|
    GATES[context.task_uuid].pop unless context.is_retry?
    { attempt: context.retry_count }
  end

  # Counts how many run at once. The first ones wait until there are as many as there may be.
  class SideBySide < TaskerCore::StepHandler::Base
    def call(_context)
      LOCK.synchronize { MOST[:ever] = [MOST[:ever], MOST[:now] += 1].max }
      deadline = Waits.now + 20
      sleep(0.01) until MOST[:ever] >= TaskerCore::Worker::Bootstrap.instance.slots || Waits.now > deadline
      sleep(0.1)
      LOCK.synchronize { MOST[:now] -= 1 }
      success(result: { on: Thread.current.name })
    end
  end

  # W3: a diamond.
  class DiamondWorkflow < TaskerCore::Workflow
    namespace "diamond_rb"
    identity_strategy :always_unique

    step(:start) { |even_number:| { value: even_number**2 } }
    step(:branch_add) { |start:| { value: start[:value] + 25 } }
    step(:branch_double) { |start:| { value: start[:value] * 2 } }
    step(:average) { |branch_add:, branch_double:| { value: (branch_add[:value] + branch_double[:value]) / 2.0 } }
  end

  module DiamondClasses
    class Start < TaskerCore::StepHandler::Base
      def call(context) = success(result: { value: context.get_input("even_number")**2 })
    end

    class BranchAdd < TaskerCore::StepHandler::Base
      def call(context) = success(result: { value: context.get_dependency_field("start", "value") + 25 })
    end

    class BranchDouble < TaskerCore::StepHandler::Base
      def call(context) = success(result: { value: context.get_dependency_field("start", "value") * 2 })
    end

    class Average < TaskerCore::StepHandler::Base
      def call(context)
        branches = %w[branch_add branch_double].map { |name| context.get_dependency_field(name, "value") }
        success(result: { value: branches.sum / 2.0 })
      end
    end
  end

  # A choice between two ways.
  class ApprovalWorkflow < TaskerCore::Workflow
    namespace "approval_rb"
    identity_strategy :always_unique

    step(:read) { |amount:| { amount: amount } }
    step(:route, type: :decision) do |read:|
      if read[:amount] > 100
        TaskerCore::StepHandler::Functional::Decision.route(["ask"], amount: read[:amount])
      else
        TaskerCore::StepHandler::Functional::Decision.route(["allow"])
      end
    end
    step(:ask, after: :route) { { by: "manager" } }
    step(:allow, after: :route) { { by: "rule" } }
  end

  # E6: of three steps side by side one succeeds, one fails for good, and one waits for its retry.
  class MixedWorkflow < TaskerCore::Workflow
    namespace "errors_rb"
    identity_strategy :always_unique

    step(:succeeds) { { done: true } }
    step(:ends) { raise TaskerCore::Errors::PermanentError, "it is over" }
    step(:waits, retries: 3, backoff_base: "10m", max_backoff: "10m") { raise TaskerCore::Errors::RetryableError, "not now" }
  end

  module MixedClasses
    class Succeeds < TaskerCore::StepHandler::Base
      def call(_context) = success(result: { done: true })
    end

    class Ends < TaskerCore::StepHandler::Base
      def call(_context) = raise(TaskerCore::Errors::PermanentError, "it is over")
    end

    class Waits < TaskerCore::StepHandler::Base
      def call(_context) = raise(TaskerCore::Errors::RetryableError, "not now")
    end
  end

  Forms.both(DiamondWorkflow, DiamondClasses)
  Forms.both(MixedWorkflow, MixedClasses)

  # What templates in YAML call handlers by.
  def self.register(registry = TaskerCore::Registry::HandlerRegistry.instance)
    { "linear.step" => LinearStep, "methods.handler" => Methods, "errors.fails" => Fails, "waits.wait" => Waits,
      "fan.side_by_side" => SideBySide }.each { |name, handler| registry.register_handler(name, handler) }
  end
end

E2E.register
