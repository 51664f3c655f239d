# frozen_string_literal: true

require_relative "support/helper"
require "tasker_core/testing/rspec"

# Workflows of businesses from their input to their results (W10), with handlers in both forms and in the blocks of a workflow.
RSpec.describe TaskerCore::Workflow::Block, e2e: true do
  cart = [{ cents: 250, quantity: 4 }, { cents: 1, quantity: 1 }]
  {
    %w[business_rb checkout] => [5, { items: cart }, { "text" => "5 items, 1001 cents" }, [{ items: [] }, {}], "validate_cart"],
    %w[business_rb pipeline] => [8, { days: 3 }, { "report" => "total 360" }, [{ days: -1 }, {}], "extract_sales"],
    %w[business_rb registration] => [5, { email: "ada@example.com" }, { "active" => "ada" }, [{ email: "ada" }, {}], "create_user"],
    %w[business_rb fulfilment] => [4, { quantity: 2 }, { "shipped" => 2 }, [{ quantity: 0 }, {}], "validate_order"],
    %w[payments_rb refund] => [
      5, { paid_cents: 900, cents: 400 }, { "told" => "partly refunded: 400", "by" => "payments_rb" },
      [{ paid_cents: 900, cents: 901 }, { paid_cents: 900 }], "validate_payment"
    ],
    %w[support_rb refund] => [
      4, { ticket: "T-7" }, { "told" => "approved", "by" => "support_rb" }, [{ ticket: "seven" }, {}], "validate_request"
    ]
  }.each do |(place, name), (size, good, last, bad, checks)|
    %w[class dsl blocks].each do |form|
      it "runs all #{size} steps of #{name} in #{place} (W10, #{form})" do
        run = run_form(name, form, namespace: place, context: good).completed
        expect(run.steps.values.map { |step| [step.current_state, step.attempts] }).to eq([["complete", 1]] * size)
        expect(run.results.values).to include(last)
      end

      it "fails #{checks} of #{name} in #{place} for good, given nothing or what cannot be right (W10, #{form})" do
        bad.each do |context|
          run = run_form(name, form, namespace: place, context: context)
          expect(run.status).to eq("blocked_by_failures")
          run = settled(run, checks => "error") # one that failed beside it blocks the task before
          expect(run.steps[checks].attempts).to eq(1)
          expect(run.error(checks)).to include("retryable" => false)
          expect(run.steps[checks].results.dig("metadata", "error_code")).to eq("BAD_INPUT")
          expect(run.results.keys).to be_empty
        end
      end
    end
  end
end
