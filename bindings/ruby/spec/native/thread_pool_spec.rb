# frozen_string_literal: true

require "tasker_core"

RSpec.describe TaskerCore::Worker::ThreadPool do
  let(:done) { Thread::Queue.new }
  let(:pool) { described_class.new(60, "spec") }

  after { pool.close }

  def take(count)
    Array.new(count) { Timeout.timeout(20) { done.pop } }
  end

  it "runs as many jobs at once as it may have threads, when they wait" do
    gate = Thread::Queue.new
    60.times { |i| pool.submit { done << i and gate.pop } }
    expect(take(60).sort).to eq((0...60).to_a)
    expect(pool.size).to eq(60)
    expect(pool.wait_for_room(0)).to be(false)
    gate.close
    expect(pool.wait_for_room(20)).to be(true)
  end

  it "does without many threads for jobs that compute" do
    most = quickest(60) do
      computing = described_class.new(60, "spec")
      200.times { computing.submit { done << 2000.times.sum } }
      take(200)
      computing.size.tap { computing.close }
    end
    expect(most).to be < 60, "unless the machine keeps them all waiting at once"
  end

  it "replaces threads that jobs end, and outlives what jobs raise" do
    logged = Thread::Queue.new
    allow(TaskerCore::Logger.instance).to receive(:error) { logged << true }
    80.times { |i| pool.submit { i.even? ? Thread.current.kill : raise(NoMemoryError, "as it were") } }
    80.times { |i| pool.submit { done << i } }
    expect(take(80).size).to eq(80)
    Timeout.timeout(20) { 40.times { logged.pop } } # what is raised may be logged after the jobs behind it have run
    expect(TaskerCore::Logger.instance).to have_received(:error).exactly(40).times
  end

  it "takes nothing after it was closed, and ends its threads" do
    pool.submit { done << 1 }
    take(1)
    pool.close
    expect { pool.submit { nil } }.to raise_error(described_class::ClosedError)
    Timeout.timeout(20) { Thread.pass until pool.size.zero? }
  end
end
