# frozen_string_literal: true

module TaskerCore
  class Supervisor
    # A place for a process, and the process in it.
    class Child
      # Seconds that a child that died waits to be started again; the pause doubles until one has lived for {STEADY}.
      FIRST_PAUSE = 1.0
      LONGEST_PAUSE = 30.0
      STEADY = 60.0

      # The pipe that tells a child that the supervisor has died.
      LIFELINE = "TASKER_LIFELINE_FD"
      private_constant :LIFELINE

      attr_reader :number, :pid

      def initialize(number, name, command, environment, log)
        @number = number
        @name = name
        @command = command
        @environment = environment
        @log = log
        @pause = FIRST_PAUSE
        @start_at = 0.0
      end

      def running?
        !pid.nil?
      end

      # Seconds until it is to be started; nil if it runs.
      def due_in
        [@start_at - now, 0.0].max unless running?
      end

      def start_if_due
        start if due_in&.zero?
      end

      def signal(name)
        Process.kill(name, pid) if running?
      rescue Errno::ESRCH # it has ended, and will be reaped
        nil
      end

      # How it ended, if it has.
      def reap
        return unless running?

        ended, status = Process.wait2(pid, Process::WNOHANG)
        return unless ended

        @lifeline.close
        @pid = nil
        status
      end

      # Says how it ended, and has it started again later.
      def plan_restart(status)
        @pause = FIRST_PAUSE if now - @started >= STEADY
        how = status.signaled? ? "by SIG#{Signal.signame(status.termsig)}" : "with exit code #{status.exitstatus}"
        @log.warn("worker #{number} ended #{how}; it is started again in #{@pause.round} s")
        @start_at = now + @pause
        @pause = [2 * @pause, LONGEST_PAUSE].min
      end

      private

      def start
        theirs, @lifeline = IO.pipe
        own = { "TASKER_WORKER_ID" => @name, LIFELINE => theirs.fileno.to_s }
        # In a process group of its own, so that a terminal's Ctrl-C reaches it once, through the supervisor.
        @pid = Process.spawn(@environment.merge(own), *@command, pgroup: true, theirs => theirs)
        @started = now
        @log.info("worker #{number} runs as process #{pid}")
      ensure
        theirs&.close
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
