# frozen_string_literal: true

require "fileutils"
require "tmpdir"

module TaskerCore
  module Worker
    # The templates of workflows that are declared in Ruby, for a core that reads templates from files.
    module WorkflowTemplates
      # Registers the handlers of workflows, writes their templates, and yields the folders for as long as the block runs.
      def self.of(workflows, registry)
        workflows.each { |workflow| workflow.register(registry) }
        return yield([]) if workflows.empty?

        Dir.mktmpdir("tasker-templates-") do |folder|
          folders = workflows.each_with_index.map do |workflow, i|
            below = File.join(folder, i.to_s) # their files are named by the workflow alone, without its namespace
            Dir.mkdir(below)
            workflow.write_template(below)
            below
          end
          yield folders
        end
      end
    end
  end
end
