# frozen_string_literal: true

module TaskerCore
  module Worker
    # For `Thread.handle_interrupt`: whatever interrupts a thread does so at once.
    INTERRUPTIBLE = { Object => :immediate }.freeze
    private_constant :INTERRUPTIBLE
  end
end
