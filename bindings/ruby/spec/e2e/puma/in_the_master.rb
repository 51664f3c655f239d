# frozen_string_literal: true

# As it should not be: the core is started in the master, and used in its children.

require_relative "start"
require_relative "../handlers"

workers 2
threads 2, 2
preload_app!
bind "unix://#{ENV.fetch("SOCKET")}"
rackup File.expand_path("config.ru", __dir__)
before_fork { PumaWorker.start }
on_worker_boot { PumaWorker.start }
