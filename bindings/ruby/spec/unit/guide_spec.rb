# frozen_string_literal: true

require "logger"
require "tmpdir"
require "tasker_core"

# What docs/ruby.md shows runs as it is printed there.
RSpec.describe "the guide" do
  page = File.read(File.expand_path("../../../../docs/ruby.md", __dir__))
  files = page.scan(/^```ruby\n(# (\w+\.rb)\n.*?)^```$/m).to_h { |text, name| [name, text] }

  before(:all) do
    TaskerCore::Registry::HandlerRegistry.reset_instance!
    [TaskerCore::DomainEvents::PublisherRegistry, TaskerCore::DomainEvents::SubscriberRegistry].each(&:reset_instance!)
    Dir.mktmpdir do |folder|
      files.each do |name, text|
        File.write(File.join(folder, name), text)
        load File.join(folder, name)
      end
    end
    @known = TaskerCore::Registry::HandlerRegistry.instance
    @publisher = TaskerCore::DomainEvents::PublisherRegistry.instance.get_strict("ChargePublisher")
  end

  after(:all) do
    [TaskerCore::Registry::HandlerRegistry, TaskerCore::DomainEvents::PublisherRegistry, TaskerCore::DomainEvents::SubscriberRegistry]
      .each(&:reset_instance!)
  end

  def step(handler, initialization: {}, **parts)
    document = run_step(@known, { "callable" => handler, "initialization" => initialization }, **parts)
    document["result"].then { |result| document["success"] == false ? document["error"]["message"] : result || document }
  end

  it "has four files" do
    expect(files.keys).to eq(%w[trips.rb handlers.rb more_handlers.rb events.rb])
  end

  it "books trips" do
    BookTripWorkflow.register
    results = { quote_train: step("travel.book_trip.quote_train", context: { to: "Trier" }),
                quote_bus: step("travel.book_trip.quote_bus", context: { to: "Trier" }, attempts: 1) }
    expect(step("travel.book_trip.book", results: results)).to eq({ "number" => "T-0198c0de", "carrier" => "bus" })
    expect(step("travel.book_trip.quote_bus", context: { to: "Trier" })).to eq("the bus company does not answer")
    expect(step("travel.book_trip.quote_bus", context: { to: "nowhere" }, attempts: 1)).to eq("a trip must go somewhere")
    expect(BookTripWorkflow.template["steps"].last["dependencies"]).to eq(%w[quote_train quote_bus])
  end

  it "charges" do
    expect(step("Shop::Validate", context: { cents: 5 }, initialization: { factor: 2 })).to eq({ "cents" => 10 })
    expect(step("Shop::Validate", context: { cents: 0 })).to eq("nothing to pay")
    expect(step("shop.charge", context: { card: "x" }, results: { validate: { cents: 10 } })).to include("charged" => 10, "card" => "x")
    expect(step("shop.charge", results: { validate: { cents: 10 } })).to eq("no card")
  end

  it "decides, imports and asks" do
    expect(step("shop.route", context: { cents: 5000 })["decision_point_outcome"]["step_names"]).to eq(%w[manager_approval finance_review])
    expect(step("shop.route", context: { cents: 0 })).to include("reason" => "nothing to approve")
    cursor = step("shop.analyze", context: { rows: 150 })["batch_processing_outcome"]["cursor_configs"].first
    expect(step("Shop::ImportRows", inputs: { "cursor" => cursor })).to include("cursor" => 100, "items_processed" => 100)
    saved = { "cursor" => 100, "items_processed" => 100 }
    expect(step("Shop::ImportRows", inputs: { "cursor" => cursor }, checkpoint: saved)).to include("items_processed" => 150)
    allow_any_instance_of(Shop::Stock).to receive(:get) { |_, path| Struct.new(:body).new({ asked: path }) }
    expect(step("shop.stock", context: { sku: "a" })).to eq({ "asked" => "/items/a" })
  end

  it "tells of events" do
    expect(@publisher.transform_payload(TaskerCore::IndifferentHash.wrap({ result: { charged: 5 } }), {})).to eq({ cents: 5 })
    said = []
    ledger = Ledger.new
    allow(ledger.logger).to receive(:info) { |text| said << text }
    ledger.handle_event_safely({ "event_name" => "shop.charged", "payload" => { "payload" => { "cents" => 5 } }, "metadata" => {} })
    expect(said).to eq(["shop.charged: 5"])
  end
end
