# frozen_string_literal: true

module TaskerCore
  module TemplateDiscovery
    # Where templates are.
    class TemplatePath
      ROOT_MARKERS = %w[.git Gemfile go.mod Cargo.toml pyproject.toml package.json].freeze
      MOST_LEVELS = 10
      private_constant :ROOT_MARKERS, :MOST_LEVELS

      class << self
        # The first of these that is a directory, or nil:
        #
        # 1. `TASKER_TEMPLATE_PATH`
        # 2. where `TASKER_ENV` is `test`: the fixtures `tests/fixtures/task_templates` or `spec/fixtures/templates` here or at
        #    the workspace's root, of which those in `ruby` come first
        # 3. `config/tasks` in `WORKSPACE_PATH`
        # 4. `config/tasks` at the workspace's root: the first folder upwards that has a file such as Gemfile
        # 5. `config/tasks` here
        def find_template_config_directory
          candidates.find { |path| File.directory?(path) }
        end

        # The YAML files in a directory and below, sorted; by default those of the directory that is found.
        def discover_template_files(template_dir = nil)
          template_dir ||= find_template_config_directory
          return [] unless template_dir

          Dir.glob(File.join(template_dir, "**", "*.{yaml,yml}")).select { |path| File.file?(path) }.sort
        end

        private

        def candidates
          here = Dir.pwd
          root = workspace_root(here)
          [
            ENV.fetch("TASKER_TEMPLATE_PATH", nil), *fixtures([here, root].compact.uniq),
            *[ENV.fetch("WORKSPACE_PATH", nil), root, here].compact.map { |base| File.join(base, "config", "tasks") }
          ].compact.reject(&:empty?)
        end

        def fixtures(bases)
          return [] unless ENV["TASKER_ENV"] == "test"

          bases.flat_map do |base|
            shared = File.join(base, "tests", "fixtures", "task_templates")
            [File.join(shared, "ruby"), shared, File.join(base, "spec", "fixtures", "templates")]
          end
        end

        def workspace_root(folder)
          MOST_LEVELS.times do
            return folder if ROOT_MARKERS.any? { |marker| File.exist?(File.join(folder, marker)) }

            above = File.dirname(folder)
            return nil if above == folder

            folder = above
          end
          nil
        end
      end
    end
  end
end
