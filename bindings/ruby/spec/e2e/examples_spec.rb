# frozen_string_literal: true

require_relative "support/helper"
require "tasker_core/testing/rspec"

# The examples' handlers in Ruby do what those in Go do.
RSpec.describe TaskerCore::Workflow, e2e: true do
  let(:order) do
    {
      customer: { id: 1, email: "ada@example.com" },
      items: [{ product_id: 7, quantity: 2, price_cents: 1250 }, { product_id: 9, quantity: 1, price_cents: 500 }]
    }
  end

  def run_order(**changes)
    sandbox.run("order_fulfillment", namespace: "examples_order_fulfillment", context: order.merge(changes))
  end

  {
    "W2" => %w[examples_linear mathematical_sequence linear_step_4 4 16], "W4" => %w[examples_diamond diamond_pattern diamond_end 4 16],
    "W5" => %w[examples_tree hierarchical_tree tree_final_convergence 8 64], "W6" => %w[examples_mixed_dag complex_dag dag_finalize 7 64]
  }.each do |id, (namespace, name, last, steps, exponent)|
    %w[class dsl].each do |form|
      it "computes #{name} exactly (#{id}, #{form})" do
        runs = [6, 2].to_h { |number| [number, run_form(name, form, namespace: namespace, context: { even_number: number })] }
        runs.each do |number, run|
          expect(run).to have_completed_step(last).with("value" => (number**Integer(exponent)).to_s)
          expect(run.status).to eq("complete")
          expect(run.steps.values.map { |step| [step.current_state, step.attempts] }).to eq([["complete", 1]] * Integer(steps))
        end
      end
    end
  end

  it "fails the first step for good, given an odd number" do
    run = sandbox.run("mathematical_sequence", namespace: "examples_linear", context: { even_number: 7 })
    expect(run).to have_failed_step(:linear_step_1).with(/even whole number/)
    expect([run.status, run.steps["linear_step_1"].attempts]).to eq(["blocked_by_failures", 1])
  end

  it "fulfils an order at its second payment, in blocks (W10)" do
    run = run_order
    expect(run).to have_completed_step(:process_payment).with(include("amount_cents" => 3000, "currency" => "EUR"))
    expect(run).to have_completed_step(:ship_order).with("tracking_number" => match(/\Atrk_\h{12}\z/), "carrier" => "standard")
    expect(run.steps.transform_values(&:attempts)).to include("process_payment" => 2, "ship_order" => 1)
  end

  it "fails an order of nothing for good" do
    run = run_order(items: [{ product_id: 4, quantity: 0, price_cents: 1 }])
    expect(run).to have_failed_step(:validate_cart).with("product 4: a quantity of 0 cannot be ordered")
    expect(run.steps["validate_cart"].attempts).to eq(1)
  end

  it "is refused an order that the template rules out" do
    expect { run_order(items: [{ product_id: 0, quantity: 1, price_cents: 1 }]) }
      .to raise_error(TaskerCore::UsageError, %r{items/0/product_id: 0 is less than 1})
  end

  it "runs an example as its first lines say" do
    EndToEnd.database
    code, output, log = program(
      "#{Child::BINDING}/exe/tasker-dev", "#{EndToEnd::EXAMPLES}/math/arithmetic.rb", "--templates", "#{EndToEnd::EXAMPLES}/templates",
      "--run", "examples_tree/hierarchical_tree", "--context", JSON.generate(even_number: 4)
    ).finish
    expect(code).to eq(0), log
    expect(output).to match(/tree_final_convergence +complete +\{"value":"#{4**64}"\}/)
  end
end
