# frozen_string_literal: true

module TaskerCore
  module Execution
    # The time of day as text. Most steps end in the same second as the one before, whose text is kept.
    module Moment
      SECOND = "%Y-%m-%dT%H:%M:%S."
      private_constant :SECOND

      @known = [nil, nil]

      class << self
        # Microseconds since the epoch.
        def now
          Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
        end

        # What {now} told, in UTC.
        def text(moment)
          "#{second(moment / 1_000_000)}#{(moment % 1_000_000).to_s.rjust(6, "0")}Z"
        end

        private

        # Threads see the second and its text together, or neither.
        def second(number)
          known, text = @known
          return text if known == number

          text = Time.at(number).utc.strftime(SECOND)
          @known = [number, text]
          text
        end
      end
    end
  end
end
