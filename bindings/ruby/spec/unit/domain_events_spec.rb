# frozen_string_literal: true

require "logger"
require "stringio"
require "tasker_core/domain_events"
require "tasker_core/types/step_context"

RSpec.describe TaskerCore::DomainEvents do
  let(:log) { StringIO.new }
  let(:told) { [] }

  # What the core hands out, as a poller passes it on.
  let(:core_event) { contract("domain_event")["accept"][0]["document"] }

  let(:poller) do
    Class.new do
      attr_reader :subscriptions

      def initialize = @subscriptions = []
      def subscribe(pattern, &block) = @subscriptions << [pattern, block]

      def deliver(event)
        @subscriptions.each { |pattern, block| block.call(event) if File.fnmatch?(pattern, event["event_name"]) }
      end
    end.new
  end

  before { allow(TaskerCore::Logger.instance).to receive(:backend).and_return(Logger.new(log)) }

  around do |example|
    events = TaskerCore::DomainEvents
    reset = -> { [events::SubscriberRegistry, events::PublisherRegistry].each(&:reset_instance!) }
    reset.call
    example.run
    reset.call
  end

  def subscriber(*patterns, &handle)
    told = self.told
    Class.new(TaskerCore::DomainEvents::BaseSubscriber) do
      subscribes_to(*patterns) unless patterns.empty?
      define_method(:handle) { |event| handle ? instance_exec(event, &handle) : told << event[:event_name] }
    end
  end

  describe described_class::BasePublisher do
    let(:kind) do
      Class.new(described_class) do
        def name = "payments"
        def transform_payload(step_result, declaration, _context = nil) = { id: step_result[:result][:id], declared: declaration[:name] }
        def additional_metadata(*) = { region: "eu" }
      end
    end
    let(:context) { { task_uuid: "t", step_uuid: "s", step_name: "pay", namespace: "shop", correlation_id: "c" } }
    let(:given) do
      { event_name: "payment.processed", step_result: { success: true, result: { id: "p-1" }, metadata: {} },
        event_declaration: { "name" => "payment.processed", "delivery_mode" => "fast" }, step_context: context }
    end
    let(:sent) { [] }

    before { allow(TaskerCore::DomainEvents::Outlet).to receive(:send_event) { |document| sent << document } }

    it "shapes and sends an event" do
      expect(kind.new.publish(given)).to be(true)
      expect(sent).to eq(
        [{ "event_name" => "payment.processed", "namespace" => "shop", "delivery_mode" => "fast",
           "payload" => { id: "p-1", declared: "payment.processed" }, "metadata" => { "publisher" => "payments", "region" => "eu" },
           "task_uuid" => "t", "step_uuid" => "s", "step_name" => "pay", "correlation_id" => "c" }]
      )
    end

    it "tells of the step of a handler" do
      kind.new.publish(**given, step_context: make_context)
      expect(sent.first).to include("task_uuid" => Steps::TASK, "step_name" => "a_step", "namespace" => "linear_workflow")
    end

    it "needs no more than a name and a result" do
      expect(described_class.new.publish(event_name: "a.b", step_result: { result: { a: 1 } })).to be(true)
      expect(sent.first).to eq("event_name" => "a.b", "namespace" => "default", "delivery_mode" => "durable", "payload" => { "a" => 1 },
                               "metadata" => { "publisher" => "TaskerCore::DomainEvents::BasePublisher" })
    end

    it "publishes nothing that is called off" do
      expect(Class.new(kind) { def should_publish?(*) = false }.new.publish(given)).to be(false)
      expect(Class.new(kind) { def before_publish(*) = false }.new.publish(given)).to be(false)
      expect(sent).to be_empty
    end

    it "calls its hooks in their order" do
      calls = []
      hooked = Class.new(kind) do
        define_method(:before_publish) { |*what| calls << [:before, what.first] }
        define_method(:after_publish) { |_, payload, metadata| calls << [:after, payload[:id], metadata["region"]] }
      end
      hooked.new.publish(given)
      expect(calls).to eq([[:before, "payment.processed"], [:after, "p-1", "eu"]])
    end

    it "tells of what goes wrong, and raises nothing" do
      failed = []
      broken = Class.new(kind) do
        def transform_payload(*) = raise("no")
        define_method(:on_publish_error) { |name, error, payload| failed << [name, error.message, payload] }
      end
      expect(broken.new.publish(given)).to be(false)
      expect(failed).to eq([["payment.processed", "no", {}]])
      allow(TaskerCore::DomainEvents::Outlet).to receive(:send_event).and_raise("down")
      expect(kind.new.publish(given)).to be(false)
      expect(log.string).to include("payment.processed could not be published", "RuntimeError: down")
      worse = Class.new(broken) { def on_publish_error(*) = raise("worse") }
      expect(worse.new.publish(given)).to be(false)
      expect(log.string).to include("a hook of publisher", "worse")
    end

    it "is published also when hearing of it fails" do
      deaf = Class.new(kind) { def after_publish(*) = raise("no") }
      expect([deaf.new.publish(given), sent.size]).to eq([true, 1])
    end
  end

  describe described_class::Outlet do
    it "sends to the worker of this process" do
      worker =
        Class.new do
          attr_reader :calls

          def call(*what) = (@calls ||= []) << what
        end.new
      stub_const("TaskerCore::Worker::Runtime", Class.new { define_singleton_method(:current) { worker } })
      described_class.send_event({ event_name: "a.b", "payload" => { c: 1 } })
      expect(worker.calls).to eq([["events.publish", { "event_name" => "a.b", "payload" => { "c" => 1 } }]])
    end

    it "sends to the subscribers here without one" do
      stub_const("TaskerCore::Worker::Runtime", Class.new { define_singleton_method(:current) { nil } })
      TaskerCore::DomainEvents::SubscriberRegistry.instance.register_instance(subscriber("a.*") { |event| told_of(event) }.new.tap do |made|
        told = self.told
        made.define_singleton_method(:told_of) do |event|
          told << [event[:business_payload][:c], event[:metadata][:step_name], event[:context][:namespace]]
        end
      end)
      TaskerCore::DomainEvents::SubscriberRegistry.instance.start_all!(poller)
      described_class.send_event({ event_name: "a.b", payload: { c: 1 }, step_name: "pay", namespace: "shop", metadata: {} })
      described_class.send_event({ event_name: "b.c", payload: {} })
      expect(told).to eq([[1, "pay", "shop"]])
    end
  end

  describe described_class::Forwarding do
    subject(:forwarding) { described_class.new(worker) }

    let(:worker) do
      Class.new do
        attr_reader :calls

        def initialize = @calls = Thread::Queue.new
        def call(*what) = @calls << what
      end.new
    end
    let(:document) do
      core_event.merge("publisher" => "payments", "delivery_mode" => "fast", "outcome" => "success")
    end
    let(:events) { TaskerCore::DomainEvents }

    def register(&shape)
      kind = Class.new(TaskerCore::DomainEvents::BasePublisher) do
        def name = "payments"
        define_method(:transform_payload) { |result, declaration, context| instance_exec(result, declaration, context, &shape) }
      end
      TaskerCore::DomainEvents::PublisherRegistry.instance.register(kind.new)
    end

    def answers(count = 1)
      forwarding.close(5)
      Array.new(count) { worker.calls.pop(true) }
    end

    it "has the publisher of the template shape the event" do
      register { |result, declaration, context| { id: result[:result][:payment_id], by: declaration[:publisher], step: context[:step_name] } }
      forwarding.put(document)
      expect(answers).to eq(
        [["events.publish", { "forwarded" => document["event_id"], "metadata" => { "publisher" => "payments" },
                              "payload" => { "id" => "p-1", "by" => "payments", "step" => "process_payment" } }]]
      )
      expect(worker.calls).to be_empty
    end

    it "tells of a failed step" do
      failed = document.merge("outcome" => "permanent_failure")
      failed["payload"] = { "execution_result" => { "success" => false, "error" => { "message" => "no" } } }
      register { |result, *| { why: result[:error][:message], outcome: result[:metadata][:outcome], success: result[:success] } }
      forwarding.put(failed)
      expect(answers.first.last["payload"]).to eq({ "why" => "no", "outcome" => "permanent_failure", "success" => false })
    end

    it "declines what is called off, or cannot be shaped" do
      register { |*| raise "no" }
      forwarding.put(document)
      expect(answers).to eq([["events.decline", { "forwarded" => document["event_id"] }]])
      expect(log.string).to include("payment.processed could not be published")
    end

    it "lets a publisher send other events beside" do
      sent = []
      allow(events::Outlet).to receive(:send_event) { |other| sent << other["event_name"] }
      register do |result, *|
        publish({ event_name: "payment.audited", step_result: result }) unless @beside.tap { @beside = true }
        {}
      end
      forwarding.put(document)
      expect([answers.first.first, sent]).to eq(["events.publish", ["payment.audited"]])
    end

    it "goes on after a publisher that breaks, and leaves events alone that are for none" do
      broken = true
      register { |*| broken ? (broken = false) || raise(NotImplementedError, "not yet") : { ok: true } }
      forwarding.put(core_event)
      2.times { forwarding.put(document) }
      expect(answers(2).map(&:first)).to eq(%w[events.decline events.publish])
      expect(log.string).to include("was not published: NotImplementedError: not yet")
    end

    it "has the default publisher publish what has no other" do
      forwarding.put(document.merge("publisher" => "nobody"))
      expect(answers.first.last["payload"]).to eq({ "payment_id" => "p-1" })
    end

    it "ends at once where there was nothing" do
      expect(forwarding.close(0)).to be(true)
    end
  end

  describe described_class::PublisherRegistry do
    subject(:known) { described_class.instance }

    let(:publisher) { Class.new(TaskerCore::DomainEvents::BasePublisher) { def name = "payments" }.new }

    it "knows publishers, and always the default one" do
      known.register(publisher)
      expect([known.get("payments"), known.get(:payments), known.get("x")]).to eq([publisher, publisher, nil])
      expect([known.get_or_default("x"), known.get("default"), known.default_publisher.name]).to eq(([known.default_publisher] * 2) + ["default"])
      expect([known.registered?("payments"), known.registered?("default"), known.registered?("x")]).to eq([true, true, false])
      expect([known.registered_names, known.count, known.empty?, known.publishers.keys]).to eq([%w[default payments], 1, false, %w[default payments]])
      expect([known.unregister("payments"), known.unregister("payments"), known.empty?]).to eq([publisher, nil, true])
    end

    it "is strict when asked to be" do
      expect { known.get_strict("x") }.to raise_error(described_class::PublisherNotFoundError, /no publisher x; registered are: default/) { |error|
        expect(error).to have_attributes(publisher_name: "x", registered_publishers: ["default"])
      }
      known.register(publisher)
      expect(known.get_strict("payments")).to equal(publisher)
    end

    it "has one publisher of a name" do
      known.register(publisher)
      known.register(publisher)
      expect { known.register(publisher.class.new) }.to raise_error(described_class::DuplicatePublisherError) { |error|
        expect(error.publisher_name).to eq("payments")
      }
    end

    it "is frozen when all that are required are there" do
      expect { known.validate_required!(%w[payments a default]) }.to raise_error(described_class::ValidationError) { |error|
        expect(error).to have_attributes(missing_publishers: %w[payments a], registered_publishers: ["default"])
      }
      expect(known.frozen?).to be(false)
      known.register(publisher)
      expect([known.validate_required!(%w[payments]), known.frozen?]).to eq([true, true])
      [-> { known.register(publisher) }, -> { known.unregister("a") }, -> { known.clear }].each do |change|
        expect(&change).to raise_error(described_class::RegistryFrozenError, /before the worker starts/)
      end
      known.unfreeze!
      expect([known.frozen?, known.custom_names]).to eq([false, ["payments"]])
      known.freeze!
      known.reset!
      expect([known.frozen?, known.empty?]).to eq([false, true])
    end

    it "can be emptied" do
      known.register(publisher)
      known.clear
      expect(known.registered_names).to eq(["default"])
    end

    it "has a publisher for what nobody else shapes" do
      expect(described_class::DefaultPublisher.new.transform_payload({ result: { a: 1 } }, {})).to eq({ a: 1 })
    end
  end

  describe described_class::BaseSubscriber do
    it "hears of what matches its patterns, once" do
      made = subscriber("payment.*", "*.processed").new.start!(poller)
      poller.deliver(core_event)
      poller.deliver(core_event.merge("event_name" => "order.processed"))
      poller.deliver(core_event.merge("event_name" => "order.paid"))
      expect(told).to eq(%w[payment.processed order.processed])
      expect([made.active?, made.matches?("payment.x"), made.matches?("x")]).to eq([true, true, false])
    end

    it "hears of everything if it says nothing, and of what the class above says" do
      expect(subscriber.patterns).to eq(["*"])
      expect(Class.new(subscriber("a.*")).patterns).to eq(["a.*"])
    end

    it "is given an event with its parts" do
      seen = nil
      subscriber("*") { |event| seen = event }.new.start!(poller)
      poller.deliver(core_event)
      expect(seen[:business_payload]).to eq({ "payment_id" => "p-1", "amount" => 9_007_199_254_740_993 })
      expect([seen["metadata"]["fired_by"], seen[:execution_result][:success], seen[:context][:step_name]]).to eq(["tasker", true, "process_payment"])
      expect(seen[:payload][:payload]).to eq(seen[:business_payload])
    end

    it "hears of nothing when it has stopped, and goes on when it is started again" do
      made = subscriber("*").new.start!(poller)
      made.start!(poller)
      made.stop!
      poller.deliver(core_event)
      made.start!(poller)
      poller.deliver(core_event)
      expect([told.size, poller.subscriptions.size]).to eq([1, 1])
    end

    it "calls its hooks, and passes over what they call off" do
      calls = []
      hooked = Class.new(subscriber("*") { |_| calls << :handle }) do
        define_method(:before_handle) { |event| calls << :before and event["event_name"] != "skip.it" }
        define_method(:after_handle) { |_| calls << :after }
      end
      hooked.new.start!(poller)
      poller.deliver(core_event)
      poller.deliver(core_event.merge("event_name" => "skip.it"))
      expect(calls).to eq(%i[before handle after before])
    end

    it "disturbs nobody when it fails" do
      subscriber("*") { |_| raise "no" }.new.start!(poller)
      failing = Class.new(subscriber("*") { |_| raise "no" }) { def on_handle_error(*) = raise("worse") }
      failing.new.start!(poller)
      described_class.new.start!(poller)
      subscriber("*").new.start!(poller)
      poller.deliver(core_event)
      expect(told).to eq(["payment.processed"])
      expect(log.string).to include("RuntimeError: no", "on_handle_error of", "worse", "write `def handle(event)`")
    end
  end

  describe described_class::SubscriberRegistry do
    subject(:known) { described_class.instance }

    it "starts and stops subscribers together" do
      first = subscriber("a.*")
      second = subscriber("b.*").new
      known.register(first)
      known.register(first)
      known.register_instance(second)
      known.start_all!(poller)
      expect([known.started?, known.count, known.subscribers.map(&:class)]).to eq([true, 2, [second.class, first]])
      expect(known.stats).to include(started: true, subscriber_count: 2, active_count: 2)
      known.stop_all!
      expect([known.started?, known.stats[:active_count]]).to eq([false, 0])
    end

    it "goes on where one cannot be made or started" do
      unmakeable = Class.new(subscriber) { def initialize = raise("no") }
      unstartable = Class.new(subscriber) { def start!(*) = raise("never") }
      [unmakeable, unstartable, subscriber("a.*")].each { |kind| known.register(kind) }
      known.start_all!(poller)
      expect(known.stats[:active_count]).to eq(1)
      expect(log.string).to include("cannot be made: RuntimeError: no", "cannot be started: RuntimeError: never")
    end

    it "stops all where one cannot be stopped" do
      stubborn = Class.new(subscriber) { def stop! = raise("never") }.new
      other = subscriber.new
      [stubborn, other].each { |made| known.register_instance(made) }
      known.start_all!(poller)
      known.stop_all!
      expect([other.active?, log.string]).to match([false, /cannot be stopped: RuntimeError: never/])
    end

    it "takes classes of subscribers alone" do
      [String, 5, subscriber.new].each { |what| expect { known.register(what) }.to raise_error(ArgumentError) }
    end

    it "forgets them all" do
      known.register(subscriber)
      known.start_all!(poller)
      known.reset!
      expect([known.count, known.started?]).to eq([0, false])
    end
  end

  it "has the errors of its registry at hand" do
    registry = described_class::PublisherRegistry
    expect([described_class::DefaultPublisher, described_class::ValidationError, described_class::PublisherNotFoundError,
            described_class::RegistryFrozenError])
      .to eq([registry::DefaultPublisher, registry::ValidationError, registry::PublisherNotFoundError, registry::RegistryFrozenError])
  end
end
