# frozen_string_literal: true

require "fileutils"
require "yaml"
require "tasker_core"

# Handlers have two forms: a class with `call`, and a block of the functional DSL. Tests run workflows in both, by one template:
# for `linear` with the handler `linear.step` there are `linear_class` with `class.linear.step`, and `linear_dsl`.
module Forms
  extend TaskerCore::StepHandler::Functional

  ALL = %w[class dsl].freeze
  # Workflows whose steps are blocks, which there are in both forms as well; and further templates of theirs.
  WORKFLOWS, TEMPLATES = Array.new(2) { [] }

  class << self
    # Registers a handler in both forms.
    def pair(name, handler, **given, &block)
      registry.register_handler("class.#{name}", handler)
      step_handler("dsl.#{name}", **given, &block)
    end

    # Registers the handlers of a workflow, whose steps are blocks: classes by the names of steps, and the same blocks in the
    # functional DSL.
    def both(workflow, classes)
      workflow.steps.each do |step|
        registry.register_handler("class.#{step.callable}", classes.const_get(step.name.split("_").map(&:capitalize).join))
        declare("dsl.#{step.callable}", workflow, step)
      end
      WORKFLOWS << workflow
    end

    # A template for handlers of one form.
    def template(document, form)
      steps = document["steps"].map do |step|
        handler = step["handler"]
        step.merge("handler" => handler.merge("callable" => "#{form}.#{handler["callable"]}"))
      end
      document.merge("name" => "#{document["name"]}_#{form}", "steps" => steps)
    end

    # Writes the templates of all workflows that were registered, and of some files, for both forms into a folder.
    def write(folder, files)
      FileUtils.mkdir_p(folder)
      documents = [*WORKFLOWS.map(&:template), *TEMPLATES, *files.map { |file| YAML.load_file(file) }]
      documents.product(ALL) do |document, form|
        made = template(document, form)
        File.write(File.join(folder, "#{made.values_at("namespace_name", "name").join("-")}.yaml"), YAML.dump(made))
      end
      folder
    end

    private

    def registry
      TaskerCore::Registry::HandlerRegistry.instance
    end

    def declare(name, workflow, step)
      given = { depends_on: step.dependencies.to_h { |before| [before, before] }, inputs: step.inputs.keys }
      case step.type
      when "decision" then decision_handler(name, **given, &step.handler)
      when "batchable" then batch_analyzer(name, worker_template: step.worker_of(workflow), **given, &step.handler)
      when "batch_worker" then batch_worker(name, **given, &step.handler)
      else step_handler(name, **given, &step.handler)
      end
    end
  end
end
