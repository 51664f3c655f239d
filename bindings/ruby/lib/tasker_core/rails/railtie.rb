# frozen_string_literal: true

require "rails/railtie"

module TaskerCore
  module Rails
    # Tasker in an application with Rails: its logger, its code reloading, its generators and its job adapter.
    #
    # The worker is started by `tasker-worker --handlers config/environment.rb`, or by `TaskerCore::Worker::Bootstrap.start!`
    # where the server boots its workers. An initializer is too early for servers that fork.
    class Railtie < ::Rails::Railtie
      config.tasker = ActiveSupport::OrderedOptions.new

      initializer "tasker.logger", after: :initialize_logger do
        Logger.instance.backend = ::Rails.logger if config.tasker.fetch(:logger, true)
      end

      # Code is reloaded between steps and never within one, and connections go back to their pools.
      initializer "tasker.executor" do |app|
        Worker.wrap_steps { |step| app.reloader.wrap(&step) }
      end

      # Has `queue_adapter = :tasker` find the adapter.
      initializer "tasker.active_job", before: "active_job.set_configs" do
        ::ActiveJob::QueueAdapters.autoload(:TaskerAdapter, "tasker_core/active_job") if defined?(::ActiveJob)
      end
    end
  end
end
