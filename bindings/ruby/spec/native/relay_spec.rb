# frozen_string_literal: true

require "tasker_core"
require "tasker_core/worker/relay"

RSpec.describe TaskerCore::Worker::Relay do
  let(:seen) { Thread::Queue.new }
  let(:gate) { Thread::Queue.new }
  let(:relieved) { Thread::Queue.new }
  let(:pool) { TaskerCore::Worker::ThreadPool.new(4, "spec") }
  let(:relay) do
    pass_on = ->(step) { pool.submit { run(step) } }
    described_class.new(pool, run: method(:run), pass_on: pass_on, relieve: -> { relieved << true })
  end

  after do
    gate.close
    relay.close
    pool.close
    # A step that began later would wait at a gate of its own, which nobody closes, and the program with it.
    Timeout.timeout(20) { Thread.pass until pool.size.zero? }
  end

  # Steps are what they do.
  def run(step)
    case step
    when :waits then gate.pop
    when :computes then nil until gate.closed?
    when :ends then Thread.exit
    end
    seen << [step, Thread.current.name]
  end

  # What the thread that polls does with steps, on one of its own.
  def poll(*steps)
    steps.each { |step| relay.put(step) }
    Thread.new do
      Thread.current.name = "spec-poller"
      relay.work_off
    end
  end

  def take(count)
    Array.new(count) { Timeout.timeout(20) { seen.pop } }
  end

  # To the relay no time passes while the block says so: a thread that the machine keeps waiting looks to it as if its handler
  # computed for long.
  def time_stands(&still)
    allow(relay).to(receive(:now)).and_wrap_original { |now| still.call ? 0.0 : now.call }
  end

  it "runs steps on the thread that polled them" do
    time_stands { true }
    3.times { poll(1, 2).join }
    expect(take(6)).to eq([[1, "spec-poller"], [2, "spec-poller"]] * 3)
    expect([relieved.size, pool.size]).to eq([0, 0])
  end

  %i[waits computes].each do |how|
    it "has others poll, and run what is left, when a handler #{how}" do
      thread = poll(how, 1, 2)
      Timeout.timeout(20) { relieved.pop }
      expect(take(2)).to contain_exactly([1, start_with("spec-")], [2, start_with("spec-")]).and(all(satisfy { |_, name| name != "spec-poller" }))
      expect(thread).to be_alive
      gate.close
      thread.join
      expect(take(1)).to eq([[how, "spec-poller"]])
    end
  end

  it "has others poll when a handler ends its thread, which uses no place in the pool" do
    poll(:ends, 1).join
    Timeout.timeout(20) { relieved.pop }
    expect(take(1)).to match([[1, /spec-\d/]])
    4.times { relay.put(:waits) }
    expect(pool.wait_for_room(0)).to be(false)
    gate.close
    take(4)
    expect(pool.wait_for_room(20)).to be(true)
  end

  it "counts a thread that is held up as one of the pool's" do
    thread = poll(:waits)
    Timeout.timeout(20) { relieved.pop }
    3.times { relay.put(:waits) }
    expect(pool.wait_for_room(0)).to be(false)
    gate << true
    take(1)
    expect(pool.wait_for_room(20)).to be(true)
    gate.close
    thread.join
  end

  it "gives steps to the pool for a while after one waited, and for longer the next time" do
    quick = false
    time_stands { quick }
    lengths = Array.new(2) do
      quick = false
      thread = poll(:waits)
      Timeout.timeout(20) { relieved.pop }
      gate << true
      thread.join
      take(1)
      quick = true
      (0..).find { poll(1).join && take(1).last.last == "spec-poller" }
    end
    expect(lengths).to eq([64, 128])
  end

  it "is watched less closely when handlers have been quick for a while, and closely again after one waited" do
    quick = true
    time_stands { quick }
    pauses = []
    allow(relay).to(receive(:sleep)).and_wrap_original do |sleeps, seconds|
      pauses << seconds
      sleeps.call(seconds)
    end
    Timeout.timeout(20) { poll(1).join until pauses.uniq.size == 2 }
    close, far = pauses.uniq
    expect([close, far]).to match([be <= 0.002, be_between(0.004, 0.01)])
    expect(pauses.index(far)).to eq(25)

    quick = false
    poll(:waits)
    Timeout.timeout(20) { relieved.pop }
    seen = pauses.size
    Timeout.timeout(20) { Thread.pass until pauses.size > seen + 1 }
    expect(pauses[seen + 1]).to eq(close)
    gate.close
  end

  it "gives what is left to the pool when it is closed, and lets its own thread end" do
    thread = poll(:waits)
    Timeout.timeout(20) { relieved.pop }
    relay.close
    gate.close
    thread.join
    Timeout.timeout(20) { Thread.pass while Thread.list.any? { |other| other.name == "tasker-watcher" } }
    expect(take(1).size).to eq(1)
  end
end
