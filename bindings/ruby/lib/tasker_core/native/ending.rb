# frozen_string_literal: true

require "tasker_core/native/waiting"

module TaskerCore
  module Native
    # The end of the program. Ruby ends when all of its threads have, and one that waits in the core does so when the core
    # answers. So what they wait for is ended first.
    module Ending
      # Seconds until calls that were cancelled have to have ended.
      PATIENCE = 0.5
      private_constant :PATIENCE

      @handles = {}
      @lock = Mutex.new
      @process = nil

      class << self
        # Sees to the end of this process, from now on.
        def watch
          @lock.synchronize do
            next if @process == Process.pid

            @handles.clear
            @process = process = Process.pid
            at_exit { finish if Process.pid == process }
          end
        end

        # Notes a handle that is open, and how it is freed.
        def note(library, function, handle)
          @lock.synchronize { @handles[handle] = [library, function] }
        end

        def forget(handle)
          @lock.synchronize { @handles.delete(handle) }
        end

        private

        def finish
          return unless Waiting.under_way?

          open = @lock.synchronize { @handles.to_a }
          open.each { |handle, (library, function)| library.plain(function, handle) }
          return if Waiting.settle(PATIENCE)

          # Something is still being opened, and has no handle yet by which it could be ended.
          leave($!) # rubocop:disable Style/SpecialGlobalVars -- English is not loaded for one name
        end

        # Ends the process as Ruby would.
        def leave(reason)
          [$stdout, $stderr].each(&:flush)
          case reason
          when nil then exit!(0)
          when SystemExit then exit!(reason.status)
          when SignalException
            trap(reason.signo, "DEFAULT")
            Process.kill(reason.signo, Process.pid)
            sleep
          else
            $stderr.write(reason.full_message)
            exit!(1)
          end
        end
      end
    end
  end
end
