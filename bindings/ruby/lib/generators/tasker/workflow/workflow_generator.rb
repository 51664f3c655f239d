# frozen_string_literal: true

require "rails/generators"

module Tasker
  module Generators
    # `rails generate tasker:workflow order validate charge` writes OrderWorkflow with two handlers, one after the other.
    class WorkflowGenerator < ::Rails::Generators::NamedBase
      source_root File.expand_path("templates", __dir__)
      desc "Writes a workflow, a handler for each of its steps, and specs where the application has specs."
      argument :steps, type: :array, default: ["start"], banner: "step step"

      def create_workflow
        template "workflow.rb.tt", "app/workflows/#{file_path}_workflow.rb"
      end

      def create_handlers
        steps.each do |step|
          @step = step.underscore
          template "handler.rb.tt", "app/handlers/#{file_path}/#{@step}.rb"
          template "handler_spec.rb.tt", "spec/handlers/#{file_path}/#{@step}_spec.rb" if specs?
        end
      end

      private

      attr_reader :step

      def specs?
        File.directory?(File.join(destination_root, "spec"))
      end

      def handler_name(name = step)
        "#{class_name}::#{name.underscore.camelize}"
      end

      def step_line(name, before)
        after = before ? ", after: :#{before.underscore}" : ""
        "step :#{name.underscore}, #{handler_name(name)}#{after}"
      end
    end
  end
end
