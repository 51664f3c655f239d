# frozen_string_literal: true

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
    poller.subscribe("payment.*") { raise "a subscriber that is broken" }
    poller.start!
    sleep(0.01) until poller.stats[:polls] >= 2
  end

  after do
    poller.stop!
    poller.clear_subscriptions!
  end

  def start(amount)
    sandbox.client.create_task(name: "paid_order", namespace: "events_rb", context: { amount: amount }).task_uuid
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

  it "hears of the steps of tasks side by side, whatever other subscribers do" do
    tasks = Array.new(3) { |i| start(i + 1) }
    expect(tasks.map { |task| sandbox.wait(task).status }).to eq(["complete"] * 3)
    tasks.each { |task| expect(names(task, 4)).to match_array(%w[order.validated payment.processed inventory.updated customer.told]) }
  end

  it "counts what was published and how, by which no step is held up" do
    counts = -> { TaskerCore::Observability.event_stats.router }
    before = counts.call
    run = sandbox.wait(start(7)).completed
    names(run.task.task_uuid, 4)
    more = counts.call.to_h.to_h { |name, count| [name, count - before[name]] }
    expect(more).to include(total_routed: 4, fast_routed: 3, broadcast_routed: 1, routing_errors: 0)
    expect(run.steps.values.map(&:attempts)).to eq([1] * 4)
  end

  it "hears that a payment failed, and of none that was made" do
    task = start(0)
    expect(sandbox.wait(task).status).to eq("blocked_by_failures")
    expect(names(task, 2)).to match_array(%w[order.validated payment.failed])
  end
end
