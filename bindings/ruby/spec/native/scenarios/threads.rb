# frozen_string_literal: true

require "timeout"
require_relative "../support/fiber_scheduler"
require_relative "shared"

# How steps go with threads and fibers: polls, interrupts, and handlers of all kinds.
module Scenarios
  module_function

  # How often polls wait in the library after a step, when nothing comes any more.
  def soon
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
    polls = proc do
      loop do
        Thread.handle_interrupt(disturbance => :immediate) do
          worker.poll(1.0) { |frame| taken << worker.complete(frame.number, RESULT, PATIENCE) }
        end
      rescue disturbance
        noticed += 1
      end
    end
    # A thread holds back from its beginning what its maker holds back.
    thread = Thread.handle_interrupt(disturbance => :never) { Thread.new(&polls) }
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

  # A fiber waits for a step while others go on.
  def fibers
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
end
