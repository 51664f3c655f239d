# frozen_string_literal: true

require "tasker_core/template_discovery/template_parser"
require "tasker_core/template_discovery/template_path"

module TaskerCore
  module TemplateDiscovery
    # The handlers that the templates of a directory name; by default of the one that TemplatePath finds.
    class HandlerDiscovery
      class << self
        # The handlers, each once, sorted.
        def discover_all_handlers(template_dir = nil)
          discover_template_metadata(template_dir).flat_map { |template| template[:handlers] }.uniq.sort
        end

        # What each template is about. Files that cannot be read are left out.
        def discover_template_metadata(template_dir = nil)
          TemplatePath.discover_template_files(template_dir).filter_map { |file| TemplateParser.extract_template_metadata(file) }
        end

        # The handlers of each namespace, each once, sorted.
        def discover_handlers_by_namespace(template_dir = nil)
          templates = discover_template_metadata(template_dir).group_by { |template| template[:namespace] }
          templates.sort.to_h.transform_values { |found| found.flat_map { |template| template[:handlers] }.uniq.sort }
        end
      end
    end
  end
end
