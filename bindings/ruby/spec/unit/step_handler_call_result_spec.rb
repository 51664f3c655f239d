# frozen_string_literal: true

require "tasker_core/types/step_handler_call_result"

RSpec.describe TaskerCore::Types::StepHandlerCallResult do
  it "is a success" do
    made = described_class.success(result: { a: 1 })
    expect(made).to have_attributes(success: true, success?: true, checkpoint?: false, result: { a: 1 }, metadata: {})
    expect(described_class.success(result: nil, metadata: { b: 2 }).metadata).to eq(b: 2)
  end

  it "is an error, which is not retried by default" do
    made = described_class.error(error_type: "PermanentError", message: "no")
    expect(made).to have_attributes(
      success: false, success?: false, checkpoint?: false, error_type: "PermanentError", message: "no", error_code: nil,
      retryable: false, metadata: {}
    )
    expect(described_class.error(error_type: "x", message: "no", error_code: :E,
                                 retryable: true)).to have_attributes(error_code: "E", retryable: true)
    expect { described_class.error(error_type: "x", message: "m", retryable: "yes") }.to raise_error(TaskerCore::Errors::ValidationError, /retryable/)
  end

  it "is a checkpoint" do
    made = described_class.checkpoint_yield(cursor: { "page" => 2 }, items_processed: 5)
    expect(made).to have_attributes(checkpoint?: true, success?: false, accumulated_results: nil)
    expect(made.to_checkpoint_data(event_id: "e", step_uuid: "s"))
      .to eq(event_id: "e", step_uuid: "s", cursor: { "page" => 2 }, items_processed: 5)
    expect(made.with(accumulated_results: { t: 1 }).to_checkpoint_data(event_id: "e", step_uuid: "s")).to include(accumulated_results: { t: 1 })
    [-1, 1.5, nil, true, "5"].each do |count|
      expect { described_class.checkpoint_yield(cursor: 1, items_processed: count) }.to raise_error(TaskerCore::Errors::ValidationError)
    end
  end

  describe "of what a handler returns" do
    it "leaves results alone" do
      [described_class.success(result: 1), described_class.error(error_type: "x", message: "y"),
       described_class.checkpoint_yield(cursor: 1, items_processed: 1)].each do |result|
        expect(described_class.from_handler_output(result)).to equal(result)
      end
    end

    it "takes anything else for the result" do
      [{ a: 1 }, [1], "text", 5, false, { success: true, rows: 1 }, { "success" => "yes" }].each do |output|
        expect(described_class.from_handler_output(output)).to have_attributes(success?: true, result: output)
      end
      expect(described_class.from_handler_output(nil).result).to eq({})
    end

    it "understands hashes in the shape of results" do
      expect(described_class.from_handler_output({ "success" => true, "result" => 1, "metadata" => { "a" => 2 } }))
        .to have_attributes(result: 1, metadata: { "a" => 2 })
      failed = described_class.from_handler_output({ success: false, message: "no", error_code: "E", retryable: true, metadata: { a: 1 } })
      expect(failed).to have_attributes(message: "no", error_code: "E", retryable: true, error_type: "UnexpectedError", metadata: { a: 1 })
    end
  end

  describe "of an exception" do
    errors = TaskerCore::Errors
    [
      [errors::PermanentError.new("x", error_code: "E", context: { a: 1 }), "PermanentError", false],
      [errors::ValidationError.new("x", field: "age"), "PermanentError", false],
      [errors::NotFoundError.new("x", resource_type: "cart"), "PermanentError", false],
      [errors::RetryableError.new("x", retry_after: 5), "RetryableError", true],
      [errors::NetworkError.new("x", status_code: 503), "RetryableError", true],
      [errors::TimeoutError.new("x", timeout_duration: 5), "RetryableError", true],
      [errors::ConfigurationError.new("x"), "UnexpectedError", false],
      [ArgumentError.new("x"), "UnexpectedError", true]
    ].each do |error, type, retryable|
      it "is #{retryable ? "" : "no "}reason to try again after #{error.class}" do
        made = described_class.from_exception(error)
        expect(made).to have_attributes(error_type: type, retryable: retryable, message: "x")
        expect(made.metadata).to include(exception_class: error.class.name, stack_trace: [])
      end
    end

    it "keeps what it was told" do
      told = described_class.from_exception(errors::PermanentError.new("x", error_code: "E", context: { a: 1 }))
      expect([told.error_code, told.metadata[:context]]).to eq(["E", { a: 1 }])
      expect(described_class.from_exception(errors::RetryableError.new("x", retry_after: 5)).metadata).to include(retry_after: 5)
      expect(described_class.from_exception(errors::ValidationError.new("x", field: "age")).metadata).to include(field: "age")
      expect(described_class.from_exception(errors::TimeoutError.new("x", timeout_duration: 3)).metadata).to include(timeout_duration: 3)
    end
  end
end
