# frozen_string_literal: true

require "json"
require "tasker_core"

module TaskerCore
  # The worker that `tasker bench --handlers ruby` measures: its handlers do nothing.
  module BenchHost
    # Reads what to do as one line of JSON, says when it is ready, and ends with its input.
    def self.run(input = $stdin, output = $stdout)
      asked = JSON.parse(input.gets)
      outcome = Types::StepHandlerCallResult.success(result: asked.fetch("result"))
      registry = Registry::HandlerRegistry.instance
      asked.fetch("handlers").each { |name| registry.register_handler(name, ->(_context) { outcome }) }
      Worker.start(settings: asked.fetch("settings")) do
        output.puts(JSON.generate("Ready" => true))
        output.flush
        input.read
      end
    end
  end
end
