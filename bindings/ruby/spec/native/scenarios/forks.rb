# frozen_string_literal: true

require "json"
require_relative "shared"

# Forks before and after the core was used.
module Scenarios
  module_function

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
end
