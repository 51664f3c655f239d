# frozen_string_literal: true

module TaskerCore
  module Execution
    # The present as text. Most steps end in the same second as the one before, whose text is kept.
    module Moment
      SECOND = "%Y-%m-%dT%H:%M:%S."
      private_constant :SECOND

      @known = [nil, nil]

      class << self
        # The time of day in UTC, with microseconds.
        def now
          second, rest = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond).divmod(1_000_000)
          "#{text(second)}#{rest.to_s.rjust(6, "0")}Z"
        end

        private

        # Threads see the second and its text together, or neither.
        def text(second)
          known, text = @known
          return text if known == second

          text = Time.at(second).utc.strftime(SECOND)
          @known = [second, text]
          text
        end
      end
    end
  end
end
