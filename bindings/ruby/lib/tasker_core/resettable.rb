# frozen_string_literal: true

require "singleton"

module TaskerCore
  # For singletons that tests start anew.
  module Resettable
    # Forgets the instance; the next call of `instance` makes another one.
    def reset_instance!
      Singleton.__init__(self)
    end
  end
end
