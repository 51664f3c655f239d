# frozen_string_literal: true

require_relative "start"

workers 2
threads 2, 2
preload_app! if ENV["PRELOAD"]
bind "unix://#{ENV.fetch("SOCKET")}"
rackup File.expand_path("config.ru", __dir__)
silence_single_worker_warning
on_worker_boot { PumaWorker.start }
on_worker_shutdown { PumaWorker.stop }
