# frozen_string_literal: true

require_relative "forms"

# Workflows of one name, and one whose steps publish events.
module Orders
  # W11: workflows of one name in two namespaces.
  %w[north_rb south_rb].each do |place|
    workflow = Class.new(TaskerCore::Workflow) do
      namespace place
      workflow_name "namesake"
      identity_strategy :always_unique

      step(:where) { { place: place } }
      step(:told) { |where:, context:| { place: place, before: where[:place], namespace: context.namespace_name } }
    end
    where = Class.new(TaskerCore::StepHandler::Base) { define_method(:call) { |_| success(result: { place: place }) } }
    told = Class.new(TaskerCore::StepHandler::Base) do
      define_method(:call) do |context|
        before = context.get_dependency_field("where", "place")
        success(result: { place: place, before: before, namespace: context.namespace_name })
      end
    end
    classes = Module.new do
      const_set(:Where, where)
      const_set(:Told, told)
    end
    Forms.both(workflow, classes)
  end

  def self.charge(amount)
    raise TaskerCore::Errors::PermanentError, "refused" unless amount.positive?

    { paid: amount }
  end

  def self.take(stock)
    raise TaskerCore::Errors::PermanentError, "sold out" if stock&.zero?

    { taken: true }
  end

  # A publisher that cannot, and what it was to publish.
  class BrokenPublisher < TaskerCore::DomainEvents::BasePublisher
    FAILED = Thread::Queue.new

    def name
      "BrokenPublisher"
    end

    def transform_payload(*)
      raise "a publisher that is broken"
    end

    def on_publish_error(event_name, _error, _payload)
      FAILED << event_name
    end
  end

  # W12: four steps that tell what they did.
  class PaidOrderWorkflow < TaskerCore::Workflow
    namespace "events_rb"
    identity_strategy :always_unique

    step :validate, publishes: [
      { name: "order.validated", condition: "success", delivery_mode: "fast" },
      { name: "order.broken", condition: "always", delivery_mode: "fast", publisher: "BrokenPublisher" }
    ] do
      { valid: true }
    end
    step :payment, publishes: [
      { name: "payment.processed", condition: "success", delivery_mode: "durable" },
      { name: "payment.failed", condition: "failure", delivery_mode: "fast" }
    ] do |validate:, amount:|
      Orders.charge(validate[:valid] ? amount : 0)
    end
    step(:inventory, after: :payment, publishes: { name: "inventory.updated", condition: "always", delivery_mode: "fast" }) do |stock: nil|
      Orders.take(stock)
    end
    step(:notification, publishes: { name: "customer.told", condition: "success", delivery_mode: "fast" }) { |inventory:| inventory }
  end

  module PaidOrderClasses
    class Validate < TaskerCore::StepHandler::Base
      def call(_context) = success(result: { valid: true })
    end

    class Payment < TaskerCore::StepHandler::Base
      def call(context)
        valid = context.get_dependency_field("validate", "valid")
        success(result: Orders.charge(valid ? context.get_input("amount") : 0))
      end
    end

    class Inventory < TaskerCore::StepHandler::Base
      def call(context) = success(result: Orders.take(context.get_input("stock")))
    end

    class Notification < TaskerCore::StepHandler::Base
      def call(context) = success(result: context.get_dependency_result("inventory"))
    end
  end

  Forms.both(PaidOrderWorkflow, PaidOrderClasses)
end
