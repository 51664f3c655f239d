# frozen_string_literal: true

# What children of the specs do: `scenarios.rb NAME ARGUMENTS...`. Each prints what it saw as JSON.

require_relative "scenarios/costs"
require_relative "scenarios/forks"
require_relative "scenarios/library"
require_relative "scenarios/signals"
require_relative "scenarios/steps"
require_relative "scenarios/threads"
require_relative "scenarios/waiting"

$stdout.sync = true

Scenarios.public_send(ARGV.shift, *ARGV)
