# frozen_string_literal: true

require "json"
require "tasker_core"

# What scenarios share: the core by hand, and how they tell what they saw.
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

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def live
    Native.library.live_buffers
  end
end
