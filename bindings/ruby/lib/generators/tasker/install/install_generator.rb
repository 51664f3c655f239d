# frozen_string_literal: true

require "rails/generators"

module Tasker
  module Generators
    # `rails generate tasker:install` makes the folders of handlers, workflows and templates, and says how to start a worker.
    class InstallGenerator < ::Rails::Generators::Base
      source_root File.expand_path("templates", __dir__)
      desc "Prepares an application for Tasker: its folders, an initializer, and bin/tasker-worker."

      def create_folders
        %w[app/handlers app/workflows config/tasks].each { |folder| create_file("#{folder}/.keep", "") }
      end

      def create_initializer
        template "initializer.rb.tt", "config/initializers/tasker.rb"
      end

      def create_program
        template "worker.tt", "bin/tasker-worker"
        chmod "bin/tasker-worker", 0o755
      end

      def say_how
        say "Start a worker by bin/tasker-worker, and write a workflow by rails generate tasker:workflow NAME STEP..."
      end
    end
  end
end
