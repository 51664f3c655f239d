# frozen_string_literal: true

require_relative "support/helper"

# An application with Rails.
RSpec.describe "Rails", e2e: true do
  before { EndToEnd.database }

  around { |example| Dir.mktmpdir("tasker-rails-") { |folder| @folder = folder and example.run } }

  def application(*arguments)
    environment = { "DATABASE_URL" => "", "TASKER_DATA_DIR" => EndToEnd.data_dir, "RAILS_ENV" => "test" }
    child = Child.new("-W0", File.join(EndToEnd::HERE, "rails", "application.rb"), *arguments, environment: environment, folder: @folder)
    (@programs ||= []) << child
    code, output, errors = child.finish
    expect(code).to eq(0), "#{output}\n#{errors}"
    output
  end

  it "is given folders, an initializer and a program by tasker:install" do
    application("generate", "tasker:install")
    expect(Dir.glob("**/*", File::FNM_DOTMATCH, base: @folder)).to include(
      "app/handlers/.keep", "app/workflows/.keep", "config/tasks/.keep", "config/initializers/tasker.rb", "bin/tasker-worker"
    )
    expect(File.stat("#{@folder}/bin/tasker-worker")).to be_executable
  end

  it "runs what tasker:workflow wrote, within its executor" do
    FileUtils.mkdir_p("#{@folder}/spec")
    application("generate", "tasker:workflow", "order", "validate_cart", "charge")
    expect(File.read("#{@folder}/app/workflows/order_workflow.rb")).to include(
      "step :validate_cart, Order::ValidateCart\n", "step :charge, Order::Charge, after: :validate_cart\n"
    )
    expect(File.read("#{@folder}/spec/handlers/order/charge_spec.rb")).to include("RSpec.describe Order::Charge")
    seen = JSON.parse(application("run", "OrderWorkflow").lines.last)
    expect(seen["results"]).to eq("validate_cart" => { "input" => { "item" => 1 } }, "charge" => { "input" => { "item" => 1 } })
    expect(seen["wrapped"]).to be >= 2
    expect(File.read("#{@folder}/log.txt")).to be_a(String)
  end

  it "performs its jobs as tasks" do
    seen = JSON.parse(application("jobs").lines.last)
    expect(seen["states"]).to eq(%w[complete complete blocked_by_failures complete])
    expect(seen["notes"]).to eq(["again 1", "again 2", "break 1", "later 1", "once 1"])
  end
end
