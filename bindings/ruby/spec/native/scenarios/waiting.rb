# frozen_string_literal: true

require "timeout"
require_relative "shared"

# What ends a wait in the core: interrupts, timeouts, and the end of a thread or of the program.
module Scenarios
  module_function

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
end
