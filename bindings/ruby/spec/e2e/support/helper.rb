# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require "tasker_core/testing"
require_relative "../../native/support/child"
require_relative "../approval"
require_relative "../arithmetic"
require_relative "../business"
require_relative "../growing"
require_relative "../handlers"
require_relative "../orders"
require_relative "../rows"
require_relative "../../../../../examples/orders/orders"

# One PostgreSQL for all tests, a worker in this process, and programs in others.
module EndToEnd
  HERE = File.expand_path("..", __dir__)
  TEMPLATES = File.join(HERE, "templates")
  EXAMPLES = File.join(Child::ROOT, "examples")
  # The templates of which there is one for classes and one for the functional DSL.
  IN_BOTH_FORMS = [
    *Dir[File.join(HERE, "forms", "*.yaml")], *%w[fails linear waits].map { |name| File.join(TEMPLATES, "#{name}.yaml") },
    *%w[diamond linear mixed_dag tree].map { |name| File.join(EXAMPLES, "templates", "#{name}.yaml") }
  ].freeze

  class << self
    # A folder for the private PostgreSQL. Programs share it with the worker here.
    def data_dir
      @data_dir ||= begin
        @folder = Dir.mktmpdir("tasker-e2e-")
        File.chmod(0o755, @folder) # PostgreSQL may have to run as another user, who has to get there
        File.join(@folder, "pg")
      end
    end

    # A folder with the templates of both forms.
    def forms
      @forms ||= Forms.write(File.join(File.dirname(data_dir), "forms"), IN_BOTH_FORMS)
    end

    def sandbox
      register unless @sandbox
      @sandbox ||= TaskerCore::Testing::Sandbox.new(
        templates: [TEMPLATES, "#{EXAMPLES}/templates", forms],
        workflows: [E2E::ApprovalWorkflow, *Forms::WORKFLOWS], data_dir: data_dir,
        settings: { "worker.unknown_handler_grace_ms" => 300 }, log_level: "error"
      ).start
    end

    def register
      E2E.register
      registry = TaskerCore::Registry::HandlerRegistry.instance
      [Arithmetic::Square, Arithmetic::MultiplySquare].each { |kind| registry.register_handler(kind.handler_name, kind) }
      publishers = TaskerCore::DomainEvents::PublisherRegistry.instance
      publishers.register(Orders::BrokenPublisher.new) unless publishers.registered?("BrokenPublisher")
    end

    # Keeps PostgreSQL running for programs, with nobody here who takes their steps.
    def database
      @database ||= TaskerCore::Client.new(settings: settings).tap(&:health_check)
      @sandbox&.stop
      @sandbox = nil
    end

    # Ends what tests left unfinished.
    def cancel_tasks
      client = @database
      tasks = client.list_tasks(namespace: "waits_rb", limit: 100).tasks.map { |task| client.get_task(task.to_h[:task_uuid]) }
      tasks.each { |task| client.cancel_task(task.task_uuid) unless TaskerCore::Client::ENDED.include?(task.status) }
    end

    # The program `tasker`, which is built once.
    def tasker
      @tasker ||= File.join(Child::ROOT, "build", "ruby-e2e", "tasker").tap do |path|
        output, status = Open3.capture2e({ "CGO_ENABLED" => "0" }, "go", "build", "-o", path, "./cmd/tasker", chdir: Child::ROOT)
        raise "tasker cannot be built: #{output}" unless status.success?
      end
    end

    def settings
      { "database.url" => "", "database.data_dir" => data_dir, "telemetry.log_level" => "error" }
    end

    def close
      @sandbox&.stop
      @database&.close
      FileUtils.rm_rf(@folder) if @folder
    end
  end

  def sandbox
    EndToEnd.sandbox
  end

  # Looks until the block returns something, and returns that.
  def eventually(within: 30)
    Timeout.timeout(within) do
      found = yield
      until found
        sleep(0.02)
        found = yield
      end
      found
    end
  end

  # The run once some of its steps are in these states: a task can be blocked by one step while others run.
  def settled(run, states)
    eventually do
      run = sandbox.wait(run.task.task_uuid)
      run if states.all? { |name, state| run.steps[name]&.current_state == state }
    end
  end

  # Runs a workflow that there is in both forms; `blocks` is the one that they were made from.
  def run_form(name, form, **options)
    sandbox.run(form == "blocks" ? name : "#{name}_#{form}", **options)
  end

  # Starts a program, in Ruby unless it is named, which does not outlive the test.
  def program(*arguments, runs: nil, **environment)
    shared = { "DATABASE_URL" => "", "TASKER_DATA_DIR" => EndToEnd.data_dir }
    environment = shared.merge(environment.transform_keys(&:to_s))
    child = Child.new(*arguments, environment: environment, folder: HERE, runs: runs)
    (@programs ||= []) << child
    child
  end

  # Runs one of `programs.rb` to its end, and returns what it told last.
  def play(name, *arguments)
    code, output, errors = program(File.join(HERE, "programs.rb"), name, *arguments).finish
    expect(code).to eq(0), "#{code}\n#{output}\n#{errors}"
    JSON.parse(output.lines.last)
  end
end

RSpec.configure do |config|
  config.include EndToEnd, e2e: true
  config.after(:each, e2e: true) { @programs&.each(&:kill) }
  config.after(:suite) { EndToEnd.close }
end
