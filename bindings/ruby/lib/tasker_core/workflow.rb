# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/workflow/declaration"
require "tasker_core/workflow/request"
require "tasker_core/workflow/run"
require "tasker_core/workflow/template"

module TaskerCore
  # A workflow as a class:
  #
  #     class OrderWorkflow < TaskerCore::Workflow
  #       namespace "ecommerce"
  #
  #       step :validate_cart, ValidateCart, timeout: 5
  #       step :charge, Charge, after: :validate_cart, retries: 3
  #       step :thank do |charge:, customer:|
  #         Mailer.thank(customer, charge[:payment_id])
  #       end
  #     end
  #
  #     OrderWorkflow.perform_async(items: items, customer: customer)
  #
  # A step is a handler class, the name of a handler that runs elsewhere, or a block. A block asks by its keywords: for the
  # results of steps before it, which makes it wait for them, for `context` and `batch_context`, and for fields of the task's
  # input. `OrderWorkflow.to_yaml` is the template; a worker is given the class: `Worker.start(workflows: [OrderWorkflow])`.
  class Workflow
    extend Declaration

    class << self
      # The handlers of the steps that run in Ruby, by the names that the template has for them.
      def handlers
        steps.select(&:handler).to_h { |step| [step.callable, step.handler_class(self)] }
      end

      # Registers the handlers of the steps with the registry of this process, or another one.
      def register(registry = nil)
        require "tasker_core/registry/handler_registry"
        registry ||= Registry::HandlerRegistry.instance
        handlers.each { |name, handler| registry.register_handler(name, handler) }
        self
      end

      # The template, as a Hash with strings for keys.
      def template
        Template.document(self)
      end

      # The template as YAML.
      def to_yaml
        Template.yaml(self)
      end

      # Writes the template into a directory, as `<name>.yaml`, and returns where.
      def write_template(directory)
        File.join(directory.to_s, "#{workflow_name}.yaml").tap { |path| File.write(path, to_yaml) }
      end

      # Starts a task with inputs for its steps, and returns a {Run}.
      def perform_async(inputs = {}, **more)
        Request.new(self).perform_async(inputs, **more)
      end

      # Says more of a task before it is started: `OrderWorkflow.set(key: "order-42").perform_async(...)`.
      #
      # `key` names the request: a second one with the same key finds the first one's task. `client` is who to ask, by default
      # {Client}; what else may be set is what {Client.create_task} takes.
      def set(**options)
        Request.new(self, **options)
      end

      # Starts a task; {set} and {perform_async} in one.
      def start(inputs = {}, key: nil, client: nil, **more)
        Request.new(self, key: key, client: client).perform_async(inputs, **more)
      end
    end
  end
end
