# frozen_string_literal: true

# Programs that use the gem, as tests run them in processes of their own: `programs.rb NAME ARGUMENTS...`.

require "json"
require_relative "handlers"

$stdout.sync = true

module Programs
  TEMPLATES = File.expand_path("templates", __dir__)
  Bootstrap = TaskerCore::Worker::Bootstrap

  module_function

  def tell(**what)
    puts JSON.generate(what)
  end

  # The database comes from the environment.
  def start(**options)
    Bootstrap.start!(templates: [TEMPLATES], workflows: [E2E::DiamondWorkflow], log_level: "error", **options)
  end

  def diamond(**options)
    E2E::DiamondWorkflow.perform_async({ even_number: 6 }, **options).wait(timeout: 30).results["average"]["value"]
  end

  def wait_task(**context)
    TaskerCore::Client.create_task(name: "waits", namespace: "waits_rb", context: context)
  end

  def error_of
    yield
    nil
  rescue StandardError => e
    "#{e.class.name.split("::").last}: #{e.message}"
  end

  def live
    TaskerCore::Native.library.live_buffers
  end

  # Life of a worker.

  def together(threads)
    ready = Thread::Queue.new
    workers = Array.new(Integer(threads)) do
      Thread.new do
        ready.pop
        start.worker_id
      end
    end
    workers.size.times { ready << true }
    ids = workers.map(&:value)
    Bootstrap.instance.shutdown!
    tell(ids: ids.uniq.size, running: Bootstrap.instance.running?)
  end

  def without_a_worker
    bootstrap = Bootstrap.instance
    poller = TaskerCore::Worker::EventPoller.instance
    tell(running: bootstrap.running?, rust: bootstrap.rust_handle_running?, health: bootstrap.health_check[:healthy],
         status: bootstrap.status[:core]["state"], handle: bootstrap.rust_handle, metrics: poller.ffi_dispatch_metrics,
         with: error_of { bootstrap.with_rust_handle { |_| nil } }, poller: error_of { poller.start! },
         shutdown: bootstrap.shutdown!)
  end

  def restarted(times)
    hooks = 0
    Bootstrap.instance.on_shutdown { hooks += 1 }
    seen = Array.new(Integer(times)) do
      worker = start
      again = start.equal?(worker)
      value = diamond
      worker.shutdown!
      [again, value, worker.running?]
    end
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 60
    sleep(0.01) while Thread.list.size > 2 && Process.clock_gettime(Process::CLOCK_MONOTONIC) < deadline
    tell(seen: seen, threads: Thread.list.map { |thread| thread.name.to_s }.sort, live: live, hooks: hooks)
  end

  def events
    heard = Thread::Queue.new
    TaskerCore::Worker.start(templates: [TEMPLATES], log_level: "error") do
      poller = TaskerCore::Worker::InProcessDomainEventPoller.instance
      poller.subscribe("own.*") { |event| heard << [event["event_name"], event["event_id"]] }
      poller.subscribe("other") { |event| heard << event }
      poller.start!
      sleep(0.01) until poller.stats[:polls] >= 2
      published = { event_name: "own.event", namespace: "events_rb", delivery_mode: "fast", payload: { a: 1 } }
      own = TaskerCore::Client.call("events.publish", published)["event_id"]
      name, id = heard.pop
      poller.stop!
      tell(name: name, same: id == own, active: poller.active?, delivered: poller.stats[:delivered])
    end
  end

  # Shapes the events of a step.
  class PaymentPublisher < TaskerCore::DomainEvents::BasePublisher
    def name
      "PaymentPublisher"
    end

    def transform_payload(step_result, _declaration, _context = nil)
      { paid: step_result[:result]["attempt"] }
    end
  end

  def publishers
    TaskerCore::DomainEvents::PublisherRegistry.instance.register(PaymentPublisher.new)
    heard = Thread::Queue.new
    TaskerCore::Worker.start(templates: [TEMPLATES], log_level: "error") do
      poller = TaskerCore::Worker::InProcessDomainEventPoller.instance
      poller.subscribe("payment.*") { |event| heard << [event[:event_name], event[:business_payload], event.dig(:context, :step_name)] }
      poller.start!
      sleep(0.01) until poller.stats[:polls] >= 2
      TaskerCore::Client.create_task(name: "publishes", namespace: "events_rb", context: { times: 0 })
      event = heard.pop
      poller.stop!
      tell(event: event, frozen: TaskerCore::DomainEvents::PublisherRegistry.instance.frozen?)
    end
  end

  # Ends.

  # Ends the interpreter while a step runs, without stopping the worker.
  def leaves(how)
    start
    wait_task(seconds: 60, tell: true, deaf: true) unless how == "idle"
    sleep(0.01) until how == "idle" || Bootstrap.instance.in_flight.positive?
    sleep(0.2)
    tell(at: Time.now.to_f)
    raise "as it happens" if how == "exception"
  end

  # Stops in a handler of trap, as programs for earlier gems do.
  def traps
    worker = start
    stopped = Thread::Queue.new
    worker.on_shutdown { stopped << true }
    trap("TERM") { worker.shutdown! }
    tell(ready: true)
    stopped.pop
    tell(running: worker.running?)
  end

  def interrupted
    start
    wait_task(seconds: 60)
    sleep(0.01) until Bootstrap.instance.in_flight.positive?
    begin
      tell(ready: true)
      sleep
    rescue Interrupt
      tell(at: Time.now.to_f)
      Bootstrap.instance.shutdown!(grace: 0)
      tell(stopped: Time.now.to_f)
    end
  end

  # Forks.

  def forked
    worker = start
    reader, writer = IO.pipe
    pid = fork do
      told = { start: error_of { start }, running: worker.running?, client: error_of { TaskerCore::Client.list_tasks },
               shutdown: worker.shutdown!, status: worker.status[:running] }
      writer.write(JSON.generate(told))
      writer.close
    end
    writer.close
    told = JSON.parse(reader.read)
    _, status = Process.wait2(pid)
    tell(child: told, exit: status.exitstatus, parent: diamond)
    worker.shutdown!
  end

  # As job runners do that fork a process for each few jobs, in a parent that has loaded the code.
  def forks_for_jobs(count)
    reader, writer = IO.pipe
    pids = Array.new(Integer(count)) do
      fork do
        start
        writer.puts(JSON.generate(diamond))
        Bootstrap.instance.shutdown!
      end
    end
    exits = pids.map { |pid| Process.wait2(pid)[1].exitstatus }
    writer.close
    tell(results: reader.read.lines.map { |line| JSON.parse(line) }, exits: exits, loaded: TaskerCore::Native.loaded?)
  end

  # Becomes a daemon, and works there.
  def daemon(file)
    Process.daemon(true, true)
    start
    File.write(file, JSON.generate(value: diamond, pid: Process.pid))
    Bootstrap.instance.shutdown!
  end

  # Was started before it became a daemon.
  def daemon_too_late(file)
    start
    Process.daemon(true, true)
    File.write(file, JSON.generate(error: error_of { start }, pid: Process.pid))
  end
end

Programs.public_send(ARGV.shift, *ARGV)
