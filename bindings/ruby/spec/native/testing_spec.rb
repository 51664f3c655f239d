# frozen_string_literal: true

require "tasker_core/testing/rspec"

# What programs test their handlers with.
RSpec.describe TaskerCore::Testing do
  handler = Class.new(TaskerCore::StepHandler::Base) do
    def call(context)
      case context.get_input("do")
      when "fail" then raise TaskerCore::Errors::RetryableError.new("not now", retry_after: 7)
      when "refuse" then raise TaskerCore::Errors::PermanentError.new("never", error_code: "NO")
      when "beat" then success(result: { beat: context.heartbeat({ at: 1 }), cancelled: context.cancelled? })
      when "time" then success(result: { at: Time.now })
      else success(result: { total: context.get_dependency_result("cart")["total"], size: context.get_config("size") })
      end
    end
  end
  yields = Class.new(TaskerCore::StepHandler::Batchable) do
    def call(context)
      checkpoint_yield(cursor: (context.checkpoint_cursor || 0) + 10, items_processed: 10)
    end
  end

  def run(handler, **event)
    described_class.run_handler(handler, **event)
  end

  it "runs a handler as a worker would" do
    outcome = run(handler, dependencies: { cart: { total: 12 } }, config: { size: 3 })
    expect(outcome).to have_succeeded.with("total" => 12, "size" => 3)
  end

  it "tells of failures what the core would be told" do
    expect(run(handler, context: { do: "fail" })).to have_failed.with("not now").for_now
    expect(run(handler, context: { do: "fail" }).retry_after).to eq(7)
    expect(run(handler, context: { do: "refuse" })).to have_failed.with(/never/).for_good
    expect(run(handler, context: { do: "refuse" }).error_code).to eq("NO")
    expect(run(handler, context: { do: "time" })).to have_failed.with(/at: .*Time/).for_good
  end

  it "passes on what a handler asks of the core" do
    beats = []
    outcome = run(handler, context: { do: "beat" }, cancelled: true, heartbeat: ->(details) { beats << details })
    expect(outcome.result).to eq("beat" => false, "cancelled" => true)
    expect(beats).to eq([{ at: 1 }])
  end

  it "shows where a handler yielded" do
    expect(run(yields, checkpoint: { cursor: 20, items_processed: 20 })).to have_yielded_checkpoint.at(30)
  end

  it "makes contexts for handlers that a test calls itself" do
    context = described_class.make_context(context: { amount: 5 }, retry_count: 2)
    expect([context.get_input("amount"), context.retry_count, context.is_last_retry?]).to eq([5, 2, true])
  end

  it "fails with the reason when an outcome is another one" do
    expect { expect(run(handler, context: { do: "refuse" })).to have_succeeded }
      .to raise_error(RSpec::Expectations::ExpectationNotMetError, /permanent_error: never/)
    expect { expect(run(yields)).to have_failed }.to raise_error(RSpec::Expectations::ExpectationNotMetError)
  end
end
