# frozen_string_literal: true

require "json"

module TaskerCore
  module Observability
    # The core's configuration by dotted names, from the TOML that it tells.
    module Settings
      # Reads TOML as the core writes it, which has sections, and values that are JSON as well.
      def self.read(text)
        section = ""
        text.each_line(chomp: true).with_object({}) do |line, settings|
          if line.start_with?("[")
            section = "#{line.delete("[] ")}."
          elsif line.include?(" = ")
            key, value = line.split(" = ", 2)
            settings["#{section}#{key.strip}"] = JSON.parse(value)
          end
        end
      end
    end
  end
end
