# frozen_string_literal: true

require "json"
require_relative "shared"

# What becomes of steps: how they are answered, taken away, held up and waited for.
module Scenarios
  module_function

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
end
