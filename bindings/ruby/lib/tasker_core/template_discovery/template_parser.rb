# frozen_string_literal: true

require "date"
require "yaml"
require "tasker_core/logger"

module TaskerCore
  module TemplateDiscovery
    # What templates say of handlers.
    class TemplateParser
      class << self
        # The handlers that a template file names; none if it cannot be read.
        def extract_handler_callables(template_file)
          extract_handlers_from_template(read(template_file) || {})
        end

        # The handlers that a template names, each once, in its order.
        def extract_handlers_from_template(template_data)
          names = Array(template_data["steps"] || template_data[:steps]).filter_map do |step|
            handler = step.is_a?(Hash) ? step["handler"] || step[:handler] : nil
            name = handler.is_a?(Hash) ? handler["callable"] || handler[:callable] : handler
            name if name.is_a?(String) && !name.empty?
          end
          names.uniq
        end

        # What a template file is about; nil if it cannot be read.
        def extract_template_metadata(template_file)
          template = read(template_file)
          return nil unless template

          {
            name: template["name"],
            namespace: template["namespace_name"] || "default",
            version: template["version"] || "0.1.0",
            description: template["description"],
            file_path: template_file.to_s,
            handlers: extract_handlers_from_template(template)
          }
        end

        private

        # A template, or nil if the file holds none; the log says why.
        def read(template_file)
          template = YAML.safe_load_file(template_file.to_s, permitted_classes: [Date, Time], aliases: true)
          return template if template.is_a?(Hash)

          Logger.instance.warn("template #{template_file} cannot be read: it holds no mapping")
          nil
        rescue SystemCallError, Psych::Exception, ArgumentError => e
          Logger.instance.warn("template #{template_file} cannot be read: #{e.message}")
          nil
        end
      end
    end
  end
end
