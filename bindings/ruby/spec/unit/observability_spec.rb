# frozen_string_literal: true

require "tasker_core/observability"

RSpec.describe TaskerCore::Observability do
  toml = <<~TOML
    environment = "test"

    [worker]
    namespaces = ["shop", "billing"]
    slots = 10

    [web]
    insecure_allow_unauthenticated = false
  TOML
  bus = { "total_events_dispatched" => 5, "rust_handler_dispatches" => 1, "ffi_channel_dispatches" => 2, "rust_handler_errors" => 0,
          "ffi_channel_drops" => 0, "rust_subscriber_patterns" => 1, "rust_handler_count" => 1, "ffi_subscriber_count" => 1 }
  router = { "total_routed" => 5, "durable_routed" => 3, "fast_routed" => 2, "broadcast_routed" => 0, "fast_delivery_errors" => 0,
             "routing_errors" => 0 }
  answers = {
    "health.basic" => { "status" => "healthy", "timestamp" => "now", "worker_id" => "w-1" },
    "health.live" => { "status" => "alive", "timestamp" => "then" },
    "health.ready" => {
      "status" => "ready", "timestamp" => "now",
      "checks" => { "web_database" => { "status" => "healthy", "message" => nil, "duration_ms" => 3 } },
      "info" => { "version" => "0.1.0", "environment" => "test", "web_database_pool_size" => 2, "orchestration_database_pool_size" => 4 }
    },
    "health.detailed" => {
      "status" => "healthy", "timestamp" => "now", "worker_id" => "w-1",
      "checks" => { "database" => "ok", "lease" => "lost", "circuit_breakers" => { "state" => "closed" }, "event_system" => { "pending" => 0 } }
    },
    "metrics.worker" => {
      "worker" => { "worker_id" => "w-1", "status" => "healthy", "uptime_seconds" => 7, "steps_executed" => 3 },
      "ffi_dispatch" => { "pending_count" => 1 }, "domain_events" => { "router" => router, "in_process_bus" => bus, "system" => {} }
    },
    "metrics.prometheus" => { "text" => "tasker_worker_info 1\n" },
    "templates.list" => { "namespaces" => [], "templates" => [{ "name" => "a" }], "total_count" => 1 },
    "templates.get" => { "name" => "a" },
    "templates.validate" => { "valid" => false, "errors" => ["no handler"], "step_handlers" => %w[x y] },
    "config.runtime" => { "environment" => "test", "version" => "0.1.0", "toml" => toml },
    "config.environment" => { "environment" => "test" }
  }

  let(:calls) { [] }
  let(:said) { answers }

  before do
    calls = self.calls
    said = self.said
    worker = Class.new do
      define_method(:call) do |method, params = {}|
        calls << [method, params]
        said.fetch(method)
      end
    end.new
    stub_const("TaskerCore::Worker::Runtime", Class.new { define_singleton_method(:require!) { worker } })
  end

  it "tells of health" do
    expect(described_class.health_basic.to_h).to eq(status: "healthy", worker_id: "w-1", timestamp: "now")
    expect(described_class.health_live.to_h).to eq(status: "alive", worker_id: "w-1", timestamp: "then")
    ready = described_class.health_ready
    expect(ready).to have_attributes(status: "ready", worker_id: "w-1")
    expect(ready.checks["web_database"]).to have_attributes(status: "healthy", message: nil, duration_ms: 3)
    expect(ready.system_info.to_h).to eq(
      version: "0.1.0", environment: "test", uptime_seconds: 7, worker_type: "ruby", database_pool_size: 6, command_processor_active: true,
      supported_namespaces: %w[shop billing]
    )
    expect(described_class.health_detailed.checks.transform_values(&:status))
      .to eq({ "database" => "ok", "lease" => "lost", "circuit_breakers" => "closed", "event_system" => "healthy" })
    expect(ready.to_h[:checks]["web_database"]).to include(status: "healthy")
  end

  it "answers in a word" do
    expect([described_class.ready?, described_class.alive?, described_class.environment]).to eq([true, true, "test"])
  end

  it "is neither ready nor alive where it cannot be asked, or says so" do
    stub_const("TaskerCore::Worker::Runtime", Class.new { define_singleton_method(:require!) { raise "no worker" } })
    expect([described_class.ready?, described_class.alive?]).to eq([false, false])
    expect { described_class.health_basic }.to raise_error("no worker")
  end

  describe "a worker that is not ready" do
    let(:said) { answers.merge("health.ready" => { "status" => "unhealthy" }) }

    it("says so") { expect(described_class.ready?).to be(false) }
  end

  it "counts" do
    expect(described_class.metrics_worker[:worker][:steps_executed]).to eq(3)
    expect(described_class.prometheus_metrics).to eq("tasker_worker_info 1\n")
    stats = described_class.event_stats
    expect([stats.router.durable_routed, stats.in_process_bus.total_events_dispatched, stats.worker_id]).to eq([3, 5, "w-1"])
  end

  it "knows templates" do
    expect(described_class.templates_list).to eq(answers["templates.list"])
    expect(described_class.templates_list(include_cache_stats: true)[:cache_stats][:total_entries]).to eq(1)
    expect([described_class.cache_stats.total_entries, described_class.cache_stats.hits]).to eq([1, nil])
    wanted = { namespace: "n", name: "a", version: "1.0.0" }
    expect(described_class.template_get(**wanted)[:name]).to eq("a")
    expect(described_class.template_validate(**wanted)).to have_attributes(valid: false, name: "a", handler_count: 2, issues: ["no handler"])
    expect(calls.last(2)).to eq([["templates.get", wanted], ["templates.validate", wanted]])
  end

  it "tells the configuration, which is the core's" do
    config = described_class.config
    expect(config.metadata).to have_attributes(environment: "test", version: "0.1.0")
    expect([config.worker_id, config.worker_type, config.auth.enabled]).to eq(["w-1", "ruby", true])
    expect(config.messaging.queues).to eq(%w[worker_shop_queue worker_billing_queue])
    expect(config.settings).to include("environment" => "test", "worker.slots" => 10)
  end
end
