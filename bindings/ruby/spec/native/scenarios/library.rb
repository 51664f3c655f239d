# frozen_string_literal: true

require_relative "shared"

# What the library does as it is loaded, and the errors that it tells.
module Scenarios
  module_function

  # Loads every file of the gem.
  def requires
    root = File.expand_path("../../../lib", __dir__)
    files = Dir.glob("tasker_core/**/*.rb", base: root).grep_v(%r{rails/|rspec|active_job|generators})
    files.each { |file| require file.delete_suffix(".rb") }
    tell(files: files.size, mapped: mapped?, threads: Thread.list.size)
  end

  def environment
    Native.library
    ENV["TASKER_SET_LATE"] = "yes"
    worker = open_worker
    tell(seen: worker.call("test.environ", { "text" => "TASKER_SET_LATE=yes" }))
    worker.free
  end

  def errors
    worker = open_worker
    seen = {
      method: error_of { worker.call("no.such") },
      deadline: error_of { worker.call("test.sleep", { "ms" => 5000 }, timeout: 0.05) },
      failed: error_of { worker.call("test.fail", { "text" => "so it is" }) },
      panic: error_of { worker.call("test.panic", { "text" => "oh" }) },
      config: error_of { open_worker(colour: "red") },
      key: error_of { Native::Worker.new({ "database_url" => "x" }) },
      database: error_of { open_worker(fail: "no database here") },
      restart: error_of { worker.start }
    }
    worker.free
    seen[:freed] = error_of { worker.status }
    worker.free
    tell(**seen, live: live)
  end
end
