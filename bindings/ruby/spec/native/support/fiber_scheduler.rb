# frozen_string_literal: true

require "io/wait"

# The least that a fiber scheduler can be: it waits for descriptors, sleeps, and runs what is due.
class FiberScheduler
  def initialize
    @readable = {}
    @due = {}
    @lock = Mutex.new
    @unblocked = []
    @urgent = IO.pipe
  end

  def run
    until @readable.empty? && @due.empty? && @unblocked.empty? && @blocked.to_i.zero?
      ready, = IO.select([*@readable.keys, @urgent[0]], nil, nil, pause)
      @urgent[0].read_nonblock(100, exception: false) if ready&.include?(@urgent[0])
      resume_unblocked
      ((ready || []) - [@urgent[0]]).each { |io| @readable.delete(io)&.resume(IO::READABLE) }
      resume_due
    end
  end
  alias close run

  def io_wait(io, events, timeout)
    fiber = Fiber.current
    @readable[io] = fiber
    @due[fiber] = now + timeout if timeout
    result = Fiber.yield
    @readable.delete(io)
    @due.delete(fiber)
    result ? events & result : false
  end

  def kernel_sleep(duration = nil)
    @due[Fiber.current] = now + duration if duration
    Fiber.yield
    @due.delete(Fiber.current)
  end

  def block(_blocker, timeout = nil)
    @blocked = @blocked.to_i + 1
    @due[Fiber.current] = now + timeout if timeout
    Fiber.yield
  ensure
    @blocked -= 1
    @due.delete(Fiber.current)
  end

  def unblock(_blocker, fiber)
    @lock.synchronize { @unblocked << fiber }
    @urgent[1].write_nonblock(".")
  end

  def fiber(&block)
    Fiber.new(blocking: false, &block).tap(&:resume)
  end

  private

  def pause
    due = @due.values.min
    due && [due - now, 0].max
  end

  def resume_unblocked
    fibers = @lock.synchronize { @unblocked.tap { @unblocked = [] } }
    fibers.each { |fiber| fiber.resume if fiber.alive? }
  end

  def resume_due
    @due.select { |_, at| at <= now }.each_key do |fiber|
      @due.delete(fiber)
      fiber.resume if fiber.alive?
    end
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
