# frozen_string_literal: true

require_relative "shared"

# Handlers of trap beside the core, and the core within them.
module Scenarios
  module_function

  # Handlers of trap that were installed before and after the library was loaded.
  def traps
    seen = Thread::Queue.new
    trap("USR1") { seen << "USR1" }
    worker = open_worker
    trap("USR2") { seen << "USR2" }
    hardened = Native.library.harden_signals
    %w[USR1 USR2].each { |name| Process.kill(name, Process.pid) }
    in_trap = Thread::Queue.new
    trap("HUP") { in_trap << Native.in_trap? }
    Process.kill("HUP", Process.pid)
    worker.free
    tell(seen: [seen.pop, seen.pop].sort, hardened: hardened, again: Native.library.harden_signals, in_trap: in_trap.pop)
  end

  # Loads the core within a handler of trap.
  def loads_in_trap
    seen = Thread::Queue.new
    trap("USR1") do
      Native.library
      seen << "loaded"
    rescue TaskerCore::UsageError => e
      seen << e.message
    end
    Process.kill("USR1", Process.pid)
    tell(message: seen.pop, mapped: mapped?)
  end
end
