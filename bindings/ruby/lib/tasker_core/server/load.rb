# frozen_string_literal: true

module TaskerCore
  module Server
    # Loading handlers that a command line or the environment names.
    module Load
      # Names folders of handlers, separated as in PATH.
      FOLDERS = "RUBY_HANDLER_PATH"

      # Where handlers are looked for when nothing is named.
      USUAL = %w[app/handlers lib/handlers handlers app/tasker/handlers lib/tasker/handlers].freeze

      class << self
        # Loads files, folders and libraries, and returns the workflows that they declare. Handler classes that are loaded here
        # can be named by templates.
        def handlers(named)
          before = classes
          specs = ENV.fetch(FOLDERS, "").split(File::PATH_SEPARATOR) + named
          specs = USUAL.select { |folder| File.directory?(folder) } if specs.empty?
          specs.each { |spec| load_one(spec) }
          ::Rails.application.eager_load! if defined?(::Rails.application) && ::Rails.application
          added = classes - before
          added.each { |added_class| register(added_class) }
          added.select { |added_class| added_class < Workflow && added_class.steps.any? }
        end

        private

        def load_one(spec)
          if File.directory?(spec)
            Dir.glob(File.join(spec, "**", "*.rb")).each { |file| require File.expand_path(file) }
          elsif spec.end_with?(".rb") || spec.include?("/")
            raise LoadError, "#{spec}: no such file or folder" unless File.file?(spec)

            require File.expand_path(spec)
          else
            require spec
          end
        end

        def classes
          ObjectSpace.each_object(Class).select { |found| found <= StepHandler::Base || found < Workflow }
        end

        # A class can be named by templates that it was loaded for, by its name and by the `handler_name` that it sets.
        def register(found)
          return if found.name.nil? || !(found <= StepHandler::Base)

          registry = Registry::HandlerRegistry.instance
          [found.name, found.handler_name].uniq.each do |name|
            registry.register_handler(name, found) unless registry.handler_available?(name)
          end
        end
      end
    end
  end
end
