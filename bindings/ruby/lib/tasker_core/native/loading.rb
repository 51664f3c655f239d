# frozen_string_literal: true

require "tasker_core/native/library"

module TaskerCore
  # libtasker, its functions and documents. The library is loaded at its first use and never by `require`: the Go runtime
  # does not survive a fork, so a process that only requires the gem can still fork workers that use it.
  module Native
    @lock = Mutex.new
    @library = nil
    @loaded_in = nil
    @prevented = nil

    class << self
      # The library, loaded by the first call.
      #
      # Raises {LibraryLoadError}, and {ForkedError} in a process that was forked from one that had loaded it.
      def library
        load_library unless @library
        raise forked_error if @loaded_in != Process.pid

        @library
      end

      # Whether this process has loaded the library.
      def loaded?
        !@library.nil? && @loaded_in == Process.pid
      end

      # The exception for a use of the core in a forked child.
      def forked_error
        ForkedError.new(
          "Tasker's core was started in process #{@loaded_in || Process.ppid} and does not survive a fork; this is " \
          "process #{Process.pid}. Start the worker or client after the fork, in the child: in Puma's on_worker_boot, " \
          "Unicorn's and Resque's after_fork, Passenger's :starting_worker_process event, and after Process.daemon. " \
          "TaskerCore.prevent_start! in the parent finds what starts too early.",
          code: Status::E_FORKED, details: { "started_in" => @loaded_in, "process" => Process.pid }
        )
      end

      # Makes every use of the core fail in this process, until {#allow_start}.
      def prevent_start(reason)
        @prevented = reason
      end

      def allow_start
        @prevented = nil
      end

      # Whether this runs in a handler of `trap`, where no lock can be taken and nothing may wait.
      def in_trap?
        Mutex.new.lock
        false
      rescue ThreadError
        true
      end

      private

      def load_library
        if in_trap?
          raise UsageError.new(
            "the core cannot be used within a handler of trap: push to a Thread::Queue there, and act on it elsewhere",
            code: Status::E_STATE
          )
        end
        @lock.synchronize do
          next if @library
          raise UsageError.new("Tasker was started too early: #{@prevented}", code: Status::E_STATE) if @prevented

          found = Library.new(Locate.library)
          @loaded_in = Process.pid # first: other threads look at it when there is a library
          @library = found
        end
      end
    end
  end

  class << self
    # Makes every use of the core fail in this process, until {allow_start!}: for programs that load their code first and
    # fork then, to find what starts too early.
    def prevent_start!(reason = "TaskerCore.prevent_start! was called in this process")
      Native.prevent_start(reason)
    end

    # Undoes {prevent_start!}, in a forked child for instance.
    def allow_start!
      Native.allow_start
    end
  end
end
