# frozen_string_literal: true

require "io/wait"
require "logger"
require "optparse"
require "rbconfig"
require "socket"
require "tasker_core/server/options"
require "tasker_core/supervisor/child"

module TaskerCore
  # `tasker-worker`: workers in several processes.
  #
  # Ruby runs the code of one thread at a time, so handlers that compute want processes; those that wait do well with threads.
  # The supervisor never loads the core: its children are programs of their own, each with a core, and it starts them anew
  # when they die. The first SIGTERM or SIGINT lets their handlers finish, the second does not.
  class Supervisor
    EXIT_CONFIG = 2
    EXIT_UNEXPECTED = 4

    # Database connections of each child, unless configured: the core's default is meant for one process.
    SMALL_POOL = {
      "TASKER__DATABASE__POOL__MAX_CONNECTIONS" => "8", "TASKER__DATABASE__POOL__MIN_CONNECTIONS" => "2"
    }.freeze
    SIGNALS = %w[TERM INT USR1 CHLD].freeze
    MOST_SIGNALS = 1000
    private_constant :SIGNALS, :MOST_SIGNALS

    # The command `tasker-worker`. Returns an exit code.
    def self.main(arguments)
      options = Server::Options.new.parse(arguments)
      if options.processes == 1
        require "tasker_core/server"
        return Server.serve(options)
      end
      command = [RbConfig.ruby, "-I", File.expand_path("..", __dir__), "-r", "tasker_core/server", "-e", CHILD, "--", *arguments]
      new(command, options.processes, log_level: options.log_level).run
    rescue OptionParser::ParseError => e
      warn("tasker-worker: #{e.message}")
      EXIT_CONFIG
    end

    # What children run: the same arguments, of which --processes means nothing to them.
    CHILD = "exit TaskerCore::Server.main(ARGV)"
    private_constant :CHILD

    attr_reader :children

    def initialize(command, processes, environment: ENV.to_h, log_level: "info")
      @log = ::Logger.new($stderr, level: { "trace" => :debug }.fetch(log_level, log_level), progname: "tasker-supervisor")
      own_name = "#{Socket.gethostname}-#{Process.pid}"
      name = environment["TASKER_WORKER_ID"] || environment["TASKER_INSTANCE_ID"] || own_name
      pool = environment.keys.any? { |key| key.start_with?("TASKER__DATABASE__POOL__") } ? {} : SMALL_POOL
      @children = Array.new(processes) { |i| Child.new(i + 1, "#{name}-#{i + 1}", command, pool, @log) }
      @stopping = false
      @exit_code = 0
    end

    # Runs the children until a signal ends them. Returns the exit code for the command.
    def run
      received = watch_signals
      until @stopping && children.none?(&:running?)
        children.each(&:start_if_due) unless @stopping
        names_in(received).each { |name| forward(name) unless name == "CHLD" }
        children.each { |child| on_exit(child, child.reap) }
      end
      @exit_code
    end

    private

    # Has signals written into a pipe, a letter each: a thread that is alone cannot wait for a queue.
    def watch_signals
      received, noted = IO.pipe
      SIGNALS.each_with_index { |name, i| trap(name) { noted.write_nonblock(i.to_s, exception: false) } }
      received
    end

    # Waits for signals, or until a child is to be started.
    def names_in(received)
      pause = @stopping ? nil : children.filter_map(&:due_in).min
      return [] unless received.wait_readable(pause)

      received.read_nonblock(MOST_SIGNALS).each_char.map { |letter| SIGNALS.fetch(Integer(letter)) }
    end

    def forward(name)
      if %w[TERM INT].include?(name)
        @log.info("stopping #{@stopping ? "at once" : "when the steps that run are done"}")
        # A process sees one signal where two of the same number wait for it. Children take both numbers alike.
        name = @stopping ? "INT" : "TERM"
        @stopping = true
      end
      children.each { |child| child.signal(name) }
    end

    def on_exit(child, status)
      return unless status
      return note_failure(status) if @stopping

      if status.exitstatus == EXIT_CONFIG # it would not start the next time either
        @log.error("worker #{child.number} cannot run with this configuration: see above")
        @exit_code = EXIT_CONFIG
        return forward("TERM")
      end
      child.plan_restart(status)
    end

    def note_failure(status)
      return if status.success? || @exit_code != 0

      @exit_code = status.exitstatus || EXIT_UNEXPECTED
    end
  end
end
