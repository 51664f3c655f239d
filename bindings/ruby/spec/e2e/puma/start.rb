# frozen_string_literal: true

# What the configurations for Puma have in common.
module PumaWorker
  # Without preload_app! the application is not loaded yet when a child boots.
  def self.start
    require_relative "../handlers"
    TaskerCore::Worker::Bootstrap.start!(workflows: [E2E::DiamondWorkflow], log_level: "error")
  rescue TaskerCore::Errors::Error => e
    $boot_error = e.message # rubocop:disable Style/GlobalVars
  end

  def self.stop
    TaskerCore::Worker::Bootstrap.instance.shutdown!(grace: 1)
  end
end
