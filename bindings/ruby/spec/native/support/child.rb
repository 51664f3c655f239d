# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "timeout"

# A program in a process of its own, in Ruby unless another one is named, under a kill timer.
class Child
  ROOT = File.expand_path("../../../../..", __dir__)
  BINDING = File.join(ROOT, "bindings", "ruby")
  KILL_AFTER = 180.0

  attr_reader :pid

  def initialize(*arguments, environment: {}, folder: BINDING, options: [], runs: nil)
    program = runs ? [runs] : [RbConfig.ruby, "-w", *options, "-I", File.join(BINDING, "lib")]
    command = [*program, *arguments.map(&:to_s)]
    @stdin, @stdout, @stderr, @wait = Open3.popen3(environment, *command, chdir: folder, pgroup: true)
    @stdin.close
    @pid = @wait.pid
    @errors = +""
    @drain = Thread.new { @stderr.each_line { |line| @errors << line } }
  end

  # Waits for the next line that it prints.
  def line
    text = Timeout.timeout(KILL_AFTER) { @stdout.gets }
    raise "it ended without another line: #{finish.inspect}" unless text

    text.strip
  end

  # Waits for the next line, which is JSON.
  def told
    JSON.parse(line)
  end

  # Waits for something in its log.
  def logged(pattern)
    deadline = now + KILL_AFTER
    until (found = @errors.match(pattern))
      raise "it never logged #{pattern.inspect}: #{@errors}" if now > deadline || !(@drain.alive? || @errors.match?(pattern))

      sleep(0.01)
    end
    found
  end

  # Sends a signal, and returns when.
  def signal(name)
    sent = Time.now.to_f
    Process.kill(name, pid)
    sent
  end

  # Waits for its end: exit code, or the name of the signal that ended it; output; errors.
  def finish(timeout: KILL_AFTER)
    output = Timeout.timeout(timeout) { @stdout.read }
    @drain.join(timeout)
    raise Timeout::Error unless @wait.join(timeout)

    status = @wait.value
    [status.exitstatus || Signal.signame(status.termsig), output, @errors]
  rescue Timeout::Error
    kill
    raise "it did not end within #{timeout} s\n#{output}\n#{@errors}"
  end

  def kill
    Process.kill(:KILL, -pid)
  rescue Errno::ESRCH
    nil
  ensure
    @wait.join
  end

  private

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
