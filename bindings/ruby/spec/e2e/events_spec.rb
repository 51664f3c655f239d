# frozen_string_literal: true

require "time"
require_relative "support/helper"
require "tasker_core/testing/rspec"

# The domain events of steps (W12).
RSpec.describe TaskerCore::Worker::InProcessDomainEventPoller, e2e: true do
  let(:poller) { described_class.instance }
  let(:heard) { Thread::Queue.new }

  before do
    sandbox
    allow(TaskerCore::Logger.instance).to receive(:error)
    poller.subscribe("*") { |event| heard << [event[:context][:task_uuid], event[:event_name]] }
    poller.subscribe("order.*") { raise "a subscriber that is broken" }
    poller.start!
    eventually { poller.stats[:polls] >= 2 }
  end

  after do
    poller.stop!
    poller.clear_subscriptions!
  end

  def start(form, amount, **more)
    sandbox.client.create_task(name: "paid_order_#{form}", namespace: "events_rb", context: { amount: amount, **more }).task_uuid
  end

  # The names of a task's events, once there are as many.
  def names(task, count)
    found = (@names ||= Hash.new { |all, key| all[key] = [] })
    Timeout.timeout(30) do
      until found[task].size >= count
        of, name = heard.pop
        found[of] << name
      end
    end
    found[task]
  end

  # What the core counted while the block ran, once it has counted as many events.
  def counted(total)
    counts = -> { TaskerCore::Observability.event_stats.router.to_h }
    before = counts.call
    yield
    eventually { counts.call[:total_routed] - before[:total_routed] >= total }
    counts.call.to_h { |name, count| [name, count - before[name]] }
  end

  heard = %w[order.validated inventory.updated customer.told] # payment.processed is durable, and of no process

  %w[class dsl].each do |form|
    it "hears of the steps of tasks side by side, whatever publishers and other subscribers do (W12, #{form})" do
      Orders::BrokenPublisher::FAILED.clear
      errors = poller.stats[:errors]
      more = counted(12) do
        tasks = Array.new(3) { |i| start(form, i + 1) }
        tasks.each do |task|
          run = sandbox.wait(task).completed
          expect(run.steps.values.map { |step| [step.current_state, step.attempts] }).to eq([["complete", 1]] * 4)
          expect(names(task, 3)).to match_array(heard)
        end
      end
      expect(more).to include(total_routed: 12, fast_routed: 9, durable_routed: 3)
      expect(Array.new(3) { Timeout.timeout(30) { Orders::BrokenPublisher::FAILED.pop } }).to eq(["order.broken"] * 3)
      eventually { poller.stats[:errors] == errors + 3 }
    end

    it "counts what was published and how, in less than 10 s (W12, #{form})" do
      took = quickest(10) do
        run = nil
        more = counted(4) do
          run = sandbox.wait(start(form, 7)).completed
          names(run.task.task_uuid, 3)
        end
        expect(more).to include(total_routed: 4, fast_routed: 3, durable_routed: 1, broadcast_routed: 0, routing_errors: 0)
        Time.parse(run.task.completed_at) - Time.parse(run.task.created_at)
      end
      expect(took).to be < 10
    end

    it "hears that a payment failed, and of none that was made (W12, #{form})" do
      more = counted(2) do
        task = start(form, 0)
        expect(sandbox.wait(task).status).to eq("blocked_by_failures")
        expect(names(task, 2)).to match_array(%w[order.validated payment.failed])
      end
      expect(more).to include(total_routed: 2, durable_routed: 0)
    end

    it "hears of the inventory whatever became of it (W12, #{form})" do
      counted(3) do
        task = start(form, 1, stock: 0)
        expect(sandbox.wait(task).status).to eq("blocked_by_failures")
        expect(names(task, 2)).to match_array(%w[order.validated inventory.updated])
      end
    end
  end
end
