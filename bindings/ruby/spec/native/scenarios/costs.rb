# frozen_string_literal: true

require "json"
require_relative "shared"

# What workers and steps cost: memory, descriptors, threads and time.
module Scenarios
  module_function

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

  def rss_kb
    File.read("/proc/self/statm").split[1].to_i * 4
  end

  def native_threads
    Dir.children("/proc/self/task").size
  end
end
