# frozen_string_literal: true

require "fileutils"
require "logger"
require "tmpdir"
require "tasker_core/test_environment"

RSpec.describe TaskerCore::TestEnvironment do
  let(:env) { { "TASKER_ENV" => "test" } }

  before do
    allow(TaskerCore::Logger.instance).to receive(:backend).and_return(Logger.new(nil))
    stub_const("ENV", env)
  end

  around do |example|
    Dir.mktmpdir do |folder|
      Dir.chdir(@here = File.realpath(folder)) do
        reset
        example.run
        reset
      end
    end
  end

  def reset
    [described_class::ConditionalLoader, TaskerCore::Registry::HandlerRegistry, TaskerCore::DomainEvents::SubscriberRegistry].each(&:reset_instance!)
  end

  def write(path, text)
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, text)
  end

  it "loads nothing but in tests" do
    env.delete("TASKER_ENV")
    expect([described_class.load_if_test!, described_class.loaded?]).to eq([false, false])
    env["RAILS_ENV"] = "test"
    expect([described_class::ConditionalLoader.instance.should_load_test_environment?, described_class.load_if_test!]).to eq([true, false])
  end

  it "loads handlers and subscribers, once" do
    write("spec/handlers/examples/deep/shop.rb", <<~RUBY)
      module ExampleOfTests
        class Charge < TaskerCore::StepHandler::Base
          def call(_context) = {}
        end

        class Ledger < TaskerCore::DomainEvents::BaseSubscriber
          subscribes_to "payment.*"
        end
      end
    RUBY
    write("spec/fixtures/templates/a.yaml", "name: a\nsteps: [{handler: {callable: ExampleOfTests::Charge}}]")
    expect([described_class.load_if_test!, described_class.load_if_test!, described_class.loaded?]).to eq([true, true, true])
    expect([described_class.handler_names, described_class.subscriber_names, described_class.subscriber_count])
      .to eq([["ExampleOfTests::Charge"], ["ExampleOfTests::Ledger"], 1])
    expect(TaskerCore::DomainEvents::SubscriberRegistry.instance.stats[:subscribers]).to eq({ "ExampleOfTests::Ledger" => ["payment.*"] })
    expect(described_class.info).to include(
      loaded: true, should_load: true, handler_count: 1, subscriber_count: 1, example_handlers_path: "#{@here}/spec/handlers/examples"
    )
    expect(described_class::ConditionalLoader.instance.test_template_info)
      .to eq(path: "#{@here}/spec/fixtures/templates", templates: 1, handlers: ["ExampleOfTests::Charge"])
  end

  it "looks where it is told to" do
    FileUtils.mkdir_p(%w[mine templates])
    env.merge!("TASKER_TEST_HANDLERS_PATH" => "mine", "TASKER_TEMPLATE_PATH" => "templates")
    loader = described_class::ConditionalLoader.instance
    expect([loader.example_handlers_path, loader.template_fixtures_path]).to eq(["#{@here}/mine", "#{@here}/templates"])
    expect([described_class.load_if_test!, described_class.handler_names]).to eq([true, []])
  end
end
