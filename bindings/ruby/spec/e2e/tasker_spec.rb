# frozen_string_literal: true

require_relative "support/helper"

# What the program `tasker` does with handlers in Ruby.
RSpec.describe TaskerCore, e2e: true do
  before { EndToEnd.database }

  let(:client) { TaskerCore::Client.new(settings: EndToEnd.settings) }

  after { client.close }

  def tasker(*arguments, **environment)
    shared = { TASKER_RUBY: RbConfig.ruby, RUBYLIB: "#{Child::BINDING}/lib", TASKER_PYTHON: "no-python" }
    program(*arguments, runs: EndToEnd.tasker, **shared, **environment)
  end

  def changes(output)
    output.lines.map { |line| JSON.parse(line) }
  end

  it "serves a step of the demo, whose others are done in Go" do
    code, output, log = tasker("demo", "--pace", "50ms", "--output", "json").finish
    expect([code, log]).to eq([0, ""])
    ended = changes(output).last
    expect(ended.values_at("type", "status")).to eq(%w[task complete])
    expect(ended["results"]["ship_order"]["carrier"]).to eq("standard")
    records = client.list_task_steps(ended["task_uuid"]).to_h { |step| [step.name, step] }
    expect(records.transform_values(&:attempts)).to include("process_payment" => 2, "ship_order" => 1)
    workers = records.transform_values { |step| step.results.dig("metadata", "worker_id") }
    expect(workers["ship_order"]).not_to eq(workers["validate_cart"])
    expect(workers["process_payment"]).to eq(workers["validate_cart"])
  end

  it "is told of by the demo, which says which language does what" do
    code, output, log = tasker("demo", "--pace", "10ms").finish
    expect(code).to eq(0), log
    expect(output).to include("ship_order is done in Ruby #{RUBY_VERSION}, by a process of its own.")
    expect(output).to include("process_payment is done in Go: Python handlers cannot run here (no-python is not in PATH)")
    code, output, log = tasker("demo", "--pace", "10ms", TASKER_RUBY: "no-ruby").finish
    expect(code).to eq(0), log
    expect(output).to include("ship_order is done in Go: Ruby handlers cannot run here (no-ruby is not in PATH)")
  end

  { "INT" => ["validate_cart", 130], "KILL" => %w[ship_order KILL] }.each do |signal, (step, code)|
    it "leaves a demo that ends by SIG#{signal} in #{step} to the next one, which goes on" do
      demo = tasker("demo", "--pace", "1500ms", "--output", "json")
      change = demo.told until change && change.values_at("step", "status") == [step, "in_progress"]
      demo.signal(signal)
      expect(demo.finish.first).to eq(code)
      ended, _, log = tasker("demo", "--pace", "10ms").finish
      expect(ended).to eq(0), log
      expect(client.get_task(change["task_uuid"])).to have_attributes(status: "complete", completed_steps: 4)
    end
  end

  it "is compared with handlers in Go" do
    sizes = %w[--tasks 20 --rounds 2 --concurrency 5 --payload 1024]
    code, output, log = tasker("bench", "--handlers", "ruby", *sizes, "--output", "json").finish
    expect([code, log]).to eq([0, ""])
    report = JSON.parse(output)
    expect(report["languages"].map { |side| side["language"] }).to eq(%w[go ruby])
    expect(report.values_at("shape", "payload_bytes", "concurrency")).to eq(["linear4", 1024, 5])
    expect([report["ratio"], *report["languages"].map { |side| side["p50_ms"] }]).to all(be_positive)
  end

  it "serves only the handlers that it is told to" do
    arguments = ["--handlers", "handlers.rb", "--log-level", "error"]
    server = "#{Child::BINDING}/exe/tasker-worker"
    code, _, log = program(server, *arguments, "--only", "no.such").finish
    expect([code, log]).to match([2, include('there is no handler "no.such" to serve alone; there are')])
  end
end
