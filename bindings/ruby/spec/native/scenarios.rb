# frozen_string_literal: true

# What children of the specs do: `scenarios.rb NAME ARGUMENTS...`. Each prints what it saw as JSON.

require "json"
require "timeout"
require "tasker_core"

$stdout.sync = true

# The core by hand: workers of the loopback core, their steps and their errors.
module Scenarios
  RESULT = '{"success":true,"result":{"value":1}}'
  Native = TaskerCore::Native
  PATIENCE = 60.0 # seconds, for what a busy machine may take its time with

  module_function

  def tell(**what)
    puts JSON.generate(what)
  end

  def open_worker(handlers: ["loopback"], start: true, **settings)
    given = settings.transform_keys { |key| "loopback.#{key}" }
    worker = Native::Worker.new({ "settings" => given, "handlers" => handlers })
    worker.start if start
    worker
  end

  def publish(worker, count = 1)
    worker.call("test.publish", { "n" => count })
  end

  def next_step(worker)
    deadline = now + PATIENCE
    while now < deadline
      step = nil
      worker.poll(1.0, max_frames: 1) { |frame| step = frame if frame.type == Native::FrameType::STEP }
      return TaskerCore::Worker::Attempt.new(worker, step.number, step.id) if step
    end
    raise "no step came"
  end

  def error_of
    yield
    { class: nil }
  rescue TaskerCore::CoreError => e
    { class: e.class.name.split("::").last, code: e.code, message: e.message, details: e.details, retryable: e.retryable? }
  end

  def mapped?
    File.read("/proc/self/maps").include?("libtasker")
  end

  def rss_kb
    File.read("/proc/self/statm").split[1].to_i * 4
  end

  def native_threads
    Dir.children("/proc/self/task").size
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def live
    Native.library.live_buffers
  end

  # The library.

  # Loads every file of the gem.
  def requires
    root = File.expand_path("../../lib", __dir__)
    files = Dir.glob("tasker_core/**/*.rb", base: root).grep_v(%r{rails/|rspec|active_job|generators})
    files.each { |file| require file.delete_suffix(".rb") }
    tell(files: files.size, mapped: mapped?, threads: Thread.list.size)
  end

  def environment
    Native.library
    ENV["TASKER_SET_LATE"] = "yes"
    worker = open_worker
    tell(seen: worker.call("test.environ", { "text" => "TASKER_SET_LATE=yes" }))
    worker.free
  end

  def errors
    worker = open_worker
    seen = {
      method: error_of { worker.call("no.such") },
      deadline: error_of { worker.call("test.sleep", { "ms" => 5000 }, timeout: 0.05) },
      failed: error_of { worker.call("test.fail", { "text" => "so it is" }) },
      panic: error_of { worker.call("test.panic", { "text" => "oh" }) },
      config: error_of { open_worker(colour: "red") },
      key: error_of { Native::Worker.new({ "database_url" => "x" }) },
      database: error_of { open_worker(fail: "no database here") },
      restart: error_of { worker.start }
    }
    worker.free
    seen[:freed] = error_of { worker.status }
    worker.free
    tell(**seen, live: live)
  end

  # Steps.

  def attempts
    worker = open_worker
    publish(worker, 5)
    first = next_step(worker)
    told = { accepted: first.complete({ "success" => true }), twice: first.complete({ "success" => true }),
             heartbeat_late: first.heartbeat }
    second = next_step(worker)
    told.update(heartbeat: second.heartbeat({ at: 5 }), released: second.release("not now"),
                released_twice: second.release("not now"))
    third = next_step(worker)
    told[:refused] = error_of { worker.complete(third.token, '{"success":1}', 1.0) }
    told[:not_json] = third.complete({ "success" => true, "result" => { "x" => Float::NAN }, "metadata" => { "worker_id" => "w" } })
    told[:nul] = next_step(worker).complete({ "success" => true, "result" => "\0" })
    fifth = next_step(worker)
    told[:checkpoint] = fifth.checkpoint({ cursor: { page: 3 }, items_processed: 7 })
    told[:checkpoint_twice] = fifth.checkpoint({ cursor: 1, items_processed: 7 })
    again = {}
    until again.key?("checkpoint")
      worker.poll(1.0, max_frames: 1) do |frame|
        again = JSON.parse(frame.payload)
        worker.complete(frame.number, RESULT, PATIENCE)
      end
    end
    told[:resumed] = again["checkpoint"]
    worker.stop(PATIENCE)
    tell(**told, counts: worker.call("test.counts"))
    worker.free
  end

  def cancelled
    worker = open_worker
    publish(worker)
    attempt = next_step(worker)
    worker.call("test.cancel")
    cancels = []
    worker.poll(1.0) { |frame| cancels << frame if frame.type == Native::FrameType::CANCEL } while cancels.empty?
    beat = attempt.heartbeat
    raised = error_of { worker.heartbeat(attempt.token) }
    tell(same: cancels.first.number == attempt.token, reason: JSON.parse(cancels.first.payload)["reason"], heartbeat: beat,
         raised: raised[:class], cancelled: attempt.cancelled?, accepted: attempt.complete({ "success" => true }))
    worker.free
  end

  def timed_out
    worker = open_worker(timeout_ms: 100)
    publish(worker)
    attempt = next_step(worker)
    reasons = []
    worker.poll(1.0) { |frame| reasons << JSON.parse(frame.payload)["reason"] if frame.type == Native::FrameType::CANCEL } while reasons.empty?
    tell(reason: reasons.first, accepted: attempt.complete({ "success" => true }),
         late: worker.status["steps"]["late_completions_total"])
    worker.free
  end

  # Offers results to a core that has no room, until it has.
  def busy
    worker = open_worker(room: 1)
    worker.call("test.database", { "up" => false })
    publish(worker, 30)
    steps = Array.new(25) { next_step(worker) }
    spare = Array.new(5) { next_step(worker) }
    done = Thread::Queue.new
    threads = steps.map { |step| Thread.new { done << step.complete({ "success" => true }) } }
    settled = -1
    while settled != done.size || worker.status["steps"]["busy_total"].zero?
      settled = done.size
      sleep(0.3)
    end
    impatient = nil # some may be taken yet, when a thread comes late for the room that there is
    refused = spare.find { |step| (impatient = error_of { step.offer({ "success" => true }, patience: 0.0) })[:code] }
    held = steps.size - done.size
    worker.call("test.database", { "up" => true })
    threads.each { |thread| thread.join(PATIENCE) }
    tell(held: held, done: Array.new(done.size) { done.pop }, impatient: impatient[:code],
         patient: refused.complete({ "success" => true }))
    worker.free
  end

  def stopping
    worker = open_worker
    publish(worker)
    attempt = next_step(worker)
    early, = worker.stop(0.05)
    attempt.complete({ "success" => true })
    stopped, summary = worker.stop(PATIENCE)
    closed = worker.poll(5.0) { |_| nil } until closed == Native::Status::CLOSED
    worker.free
    other = open_worker
    ended = Thread::Queue.new
    pollers = Array.new(3) { TaskerCore::Worker::Poller.new(other) { |_| nil }.start }
    waiting = pollers.map { |poller| Thread.new { ended << poller.join(PATIENCE) } }
    began = now
    other.stop(PATIENCE)
    waiting.each(&:join)
    took = now - began
    other.free
    tell(early: early, stopped: stopped, completed: summary["completed"], closed: true, ended: Array.new(3) { ended.pop },
         took: took, live: live)
  end

  def restarts(count)
    count = Integer(count)
    figures = []
    count.times do |i|
      worker = open_worker
      publish(worker)
      next_step(worker).complete({ "success" => true })
      raise "it did not stop" unless worker.stop(PATIENCE).first

      worker.free
      client = Native::Client.new
      client.call("test.echo", { "i" => i })
      client.free
      next unless [count / 2, count - 1].include?(i)

      GC.start
      figures << [rss_kb, Dir.children("/proc/self/fd").size, native_threads]
    end
    tell(before: figures[0], after: figures[1], live: live)
  end

  # Workers and clients that nobody frees are freed when nobody can reach them.
  def dropped(count)
    Integer(count).times { open_worker }
    10.times { GC.start }
    tell(fds: Dir.children("/proc/self/fd").size)
  end

  def round_trips(count)
    count = Integer(count)
    worker = open_worker(steps: count, payload: 600)
    done = 0
    figures = []
    began = now
    while done < count
      worker.poll(1.0) do |frame|
        next unless frame.type == Native::FrameType::STEP

        JSON.parse(frame.payload)
        worker.complete(frame.number, RESULT, 0.0)
        done += 1
        figures << rss_kb if [count / 4, count].include?(done)
      rescue TaskerCore::UnavailableError
        worker.complete(frame.number, RESULT, PATIENCE)
        done += 1
      end
    end
    tell(rate: (done / (now - began)).round, rss_kb: figures, threads: native_threads, live: live)
    worker.free
  end

  def latency(count)
    worker = open_worker(payload: 0)
    took = []
    seen = Thread::Queue.new
    poller = TaskerCore::Worker::Poller.new(worker) do |frame|
      took << (Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - JSON.parse(frame.payload)["published_ns"])
      worker.complete(frame.number, RESULT, PATIENCE)
      seen << true
    end
    poller.start
    Integer(count).times do
      publish(worker)
      seen.pop
    end
    took.sort!
    tell(p50_us: took[took.size / 2] / 1000.0, p99_us: took[(took.size * 0.99).floor] / 1000.0)
    poller.stop
    worker.free
  end

  # How often polls wait in the library after a step, when nothing comes any more.
  def soon
    require_relative "support/fiber_scheduler"
    worker = open_worker
    waits = 0
    Native::Library.prepend(Module.new do
      define_method(:poll) { |handle, frames, wait| super(handle, frames, wait).tap { waits += 1 if wait.positive? } }
    end)
    count = lambda do |timeout|
      publish(worker)
      next_step(worker).complete({ "success" => true })
      waits = 0
      3.times { worker.poll(timeout) { |_| nil } }
      waits
    end
    in_a_fiber = nil
    Thread.new do
      Fiber.set_scheduler(FiberScheduler.new)
      Fiber.schedule { in_a_fiber = count.call(0.05) }
    end.join
    tell(in_a_thread: Thread.new { count.call(0.05) }.value, without_a_timeout: Thread.new { count.call(0) }.value,
         in_the_main_thread: count.call(0.05), in_a_fiber: in_a_fiber)
    worker.free
  end

  # Something interrupts a thread again and again while it polls steps, each of which follows another.
  def disturbed(count)
    worker = open_worker
    disturbance = Class.new(StandardError)
    taken = Thread::Queue.new
    noticed = 0
    thread = Thread.new do
      Thread.handle_interrupt(disturbance => :never) do
        loop do
          Thread.handle_interrupt(disturbance => :immediate) do
            worker.poll(1.0) { |frame| taken << worker.complete(frame.number, RESULT, PATIENCE) }
          end
        rescue disturbance
          noticed += 1
        end
      end
    end
    Integer(count).times do
      publish(worker)
      thread.raise(disturbance)
      Timeout.timeout(PATIENCE) { taken.pop }
    end
    thread.kill.join
    _, summary = worker.stop(PATIENCE)
    tell(completed: summary["completed"], noticed: noticed.positive?, live: live)
    worker.free
  end

  # Handlers of all kinds side by side, in the whole that a worker is.
  def all_kinds(count)
    TaskerCore::Logger.instance.backend.level = :fatal
    count = Integer(count)
    began = Thread::Queue.new
    TaskerCore::Registry::HandlerRegistry.instance.register_handler("loopback", ->(_) { behave(began) })
    worker = open_worker(steps: count, slots: 50, payload: 600)
    channel = TaskerCore::Worker::Channel.new(worker, TaskerCore::Worker::StepExecutionSubscriber.new, TaskerCore::Worker::EventBridge.instance)
    channel.start
    Timeout.timeout(2 * PATIENCE) { sleep(0.02) until began.size == count && channel.runner.in_flight.zero? }
    _, summary = worker.stop(PATIENCE)
    channel.close(2.0)
    Timeout.timeout(PATIENCE) { sleep(0.02) while Thread.list.any? { |thread| thread.name.to_s.start_with?("tasker-") } }
    tell(completed: summary["completed"], unsent: summary["unsent"], live: live)
    worker.free
  end

  # Mostly quick; now and then it waits, computes for long, fails, or ends its thread.
  def behave(began)
    began << true
    case began.size % 500
    when 50, 51 then sleep(0.01)
    when 150 then Thread.exit
    when 250 then raise NoMemoryError, "as it were"
    when 350 then raise "a bug"
    when 450 then now.then { |since| nil while now < since + 0.15 }
    end
    {}
  end

  # Processes.

  def idle(seconds)
    worker = open_worker
    Native::LogDrain.start
    poller = TaskerCore::Worker::Poller.new(worker) { |_| nil }.start
    sleep(0.5)
    before = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
    sleep(Float(seconds))
    used = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - before
    tell(cpu_ms_per_s: 1000 * used / Float(seconds))
    poller.stop
    worker.free
  end

  # Waits in the main thread until something interrupts it.
  def wait_somewhere(where)
    case where
    when "open" then open_worker(open_ms: 20_000)
    when "call" then open_worker.tap { tell(ready: true) }.call("test.sleep", { "ms" => 20_000 })
    when "poll" then open_worker.tap { tell(ready: true) }.poll(20.0) { |_| nil }
    when "stop"
      worker = open_worker
      publish(worker)
      next_step(worker)
      tell(ready: true)
      worker.stop(20.0)
    when "join"
      poller = TaskerCore::Worker::Poller.new(open_worker) { |_| nil }.start
      tell(ready: true)
      poller.join(20.0)
    end
  end

  def interrupted(where)
    tell(ready: true) if where == "open"
    wait_somewhere(where)
    tell(interrupted: false)
  rescue Interrupt
    tell(interrupted: true, at: Time.now.to_f)
  end

  def timeouts(where)
    began = nil
    Timeout.timeout(0.5) do
      began = now
      wait_somewhere(where)
    end
    tell(timed_out: false)
  rescue Timeout::Error
    tell(timed_out: true, took: now - began)
  end

  def killed(where)
    thread = Thread.new { wait_somewhere(where) }
    sleep(0.5)
    began = now
    thread.kill
    thread.join(10)
    tell(took: now - began)
  end

  # Ends the interpreter with threads still in the core.
  def exits(how)
    worker = open_worker
    Native::LogDrain.start
    hung = TaskerCore::Worker::ThreadPool.new(3, "hangs")
    TaskerCore::Worker::Poller.new(worker) { |_| hung.submit { Thread.handle_interrupt(Object => :immediate) { sleep } } }.start
    Thread.new { worker.poll(100.0) { |_| nil } }
    Thread.new { worker.call("test.sleep", { "ms" => 60_000 }, timeout: 60.0) }
    publish(worker, 3)
    sleep(0.2)
    tell(at: Time.now.to_f)
    raise "as it happens" if how == "exception"

    exit(7) if how == "exit"
  end

  # Gives up opening a worker, and ends.
  def exits_while_opening
    Timeout.timeout(0.2) { open_worker(open_ms: 60_000) }
  rescue Timeout::Error
    tell(at: Time.now.to_f)
    exit(5)
  end

  def forks(how)
    worker = open_worker
    poller = TaskerCore::Worker::Poller.new(worker) { |frame| worker.complete(frame.number, RESULT, PATIENCE) }.start
    publish(worker)
    reader, writer = IO.pipe
    pid = how == "fork" ? fork { in_child(worker, writer) } : raw_fork { in_child(worker, writer) }
    writer.close
    told = JSON.parse(reader.read)
    _, status = Process.wait2(pid)
    publish(worker, 5)
    deadline = now + PATIENCE
    sleep(0.01) while worker.status["steps"]["completed_total"] < 6 && now < deadline
    tell(child: told, exit: status.exitstatus, parent: worker.status["steps"]["completed_total"], pids: [Process.pid, pid])
    poller.stop
    worker.free
  end

  def in_child(worker, writer)
    told = { status: error_of { worker.status }, library: error_of { Native.library }, open: error_of { open_worker },
             poll: error_of { worker.poll(1.0) { |_| nil } }, loaded: Native.loaded? }
    worker.free
    GC.start
    writer.write(JSON.generate(told))
    writer.close
  end

  # Forks past Ruby and libc, so that only the library itself can know. The call keeps the interpreter's lock: in the child
  # there is no other thread left to give it back.
  def raw_fork
    syscall = FFI::Function.new(:long, [:long], FFI::DynamicLibrary.open(nil, FFI::DynamicLibrary::RTLD_LAZY).find_function("syscall"))
    pid = syscall.call(57)
    return pid unless pid.zero?

    yield
    exit!(0)
  end

  def forks_before_loading
    raise "loaded too early" if mapped?

    pid = fork do
      worker = open_worker
      publish(worker)
      accepted = next_step(worker).complete({ "success" => true })
      worker.free
      exit!(accepted ? 0 : 1)
    end
    _, status = Process.wait2(pid)
    tell(exit: status.exitstatus, mapped: mapped?)
  end

  def prevented
    TaskerCore.prevent_start!("handlers are loaded before the fork")
    message = error_of { open_worker }[:message]
    pid = fork do
      TaskerCore.allow_start!
      open_worker.free
    end
    tell(message: message, exit: Process.wait2(pid)[1].exitstatus)
  end

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

  # A fiber waits for a step while others go on.
  def fibers
    require_relative "support/fiber_scheduler"
    worker = open_worker
    ticks = 0
    taken = 0
    ticks_before = nil
    Thread.new do
      Fiber.set_scheduler(FiberScheduler.new)
      Fiber.schedule do
        until taken == 1
          worker.poll(5.0) do |frame|
            ticks_before = ticks
            worker.complete(frame.number, RESULT, PATIENCE)
            taken += 1
          end
        end
      end
      Fiber.schedule do
        20.times do
          sleep(0.01)
          ticks += 1
        end
      end
      Fiber.schedule do
        sleep(0.1)
        publish(worker)
      end
    end.join
    tell(taken: taken, ticks: ticks, ticks_before: ticks_before)
    worker.free
  end
end

Scenarios.public_send(ARGV.shift, *ARGV)
