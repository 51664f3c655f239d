# frozen_string_literal: true

require "timeout"
require "tasker_core/errors"

RSpec.describe TaskerCore::Errors do
  {
    "ConfigurationError" => "Error", "ProceduralError" => "Error", "OrchestrationError" => "Error", "DatabaseError" => "Error",
    "RetryableError" => "ProceduralError", "PermanentError" => "ProceduralError", "TimeoutError" => "ProceduralError",
    "NetworkError" => "ProceduralError", "ValidationError" => "PermanentError", "NotFoundError" => "PermanentError",
    "FFIError" => "Error", "ServerError" => "Error", "RateLimitError" => "RetryableError",
    "ServiceUnavailableError" => "RetryableError", "ResourceContentionError" => "RetryableError",
    "AuthenticationError" => "PermanentError", "AuthorizationError" => "PermanentError", "BusinessLogicError" => "PermanentError"
  }.each do |name, above|
    it "has #{name} below #{above}" do
      expect(described_class.const_get(name).superclass).to eq(described_class.const_get(above))
      expect(described_class.const_get(name).new("x").message).to eq("x")
    end
  end

  it "keeps what errors are told" do
    expect(described_class::RetryableError.new("x", retry_after: 5, context: { a: 1 })).to have_attributes(
      retry_after: 5, context: { a: 1 }, error_class: "RetryableError", error_code: nil
    )
    expect(described_class::PermanentError.new("x", error_code: "E")).to have_attributes(error_code: "E", context: {})
    expect(described_class::PermanentError.new("x", code: "E").error_code).to eq("E")
    expect(described_class::TimeoutError.new("x", timeout_duration: 3).timeout_duration).to eq(3)
    expect(described_class::NetworkError.new("x", status_code: 503).status_code).to eq(503)
    expect(described_class::ValidationError.new("x", field: "age", error_code: "E")).to have_attributes(field: "age", error_code: "E")
    expect(described_class::NotFoundError.new("x", resource_type: "cart")).to have_attributes(
      resource_type: "cart", error_class: "NotFoundError"
    )
    expect(described_class::FFIError.new("x", operation: "poll")).to have_attributes(operation: "poll", context: {})
    expect(described_class::ServerError.new("x", operation: "create").operation).to eq("create")
  end

  %w[RetryableError PermanentError TimeoutError NetworkError ValidationError NotFoundError FFIError ServerError].each do |name|
    it("has #{name} tell what it is") { expect(described_class.const_get(name).new("x").error_class).to eq(name) }
  end

  it "can be raised by the class alone" do
    expect { raise described_class::PermanentError }.to raise_error("TaskerCore::Errors::PermanentError")
  end
end

RSpec.describe TaskerCore::Errors::ErrorClassifier do
  errors = TaskerCore::Errors

  {
    false => {
      "permanent_class" => [errors::ConfigurationError, errors::PermanentError, errors::ValidationError, errors::NotFoundError,
                            errors::DatabaseError, errors::FFIError, errors::BusinessLogicError, errors::AuthorizationError],
      "default" => [NotImplementedError, LoadError, SyntaxError, SystemExit, Exception, NoMemoryError]
    },
    true => {
      "retryable_class" => [errors::RetryableError, errors::NetworkError, errors::TimeoutError, errors::ServerError,
                            errors::OrchestrationError, errors::RateLimitError, errors::ServiceUnavailableError],
      "default" => [errors::Error, StandardError, ArgumentError, KeyError, NoMethodError, Errno::ECONNREFUSED, Timeout::Error,
                    IOError, SystemStackError]
    }
  }.each do |retryable, reasons|
    reasons.each do |reason, classes|
      classes.each do |kind|
        it "takes #{kind} for #{retryable ? "retryable" : "permanent"}, by #{reason}" do
          error = kind.new("x")
          expect(described_class.retryable?(error)).to be(retryable)
          expect(described_class.classify(error)).to eq(
            retryable: retryable, permanent: !retryable, error_class: kind.name, classification: reason
          )
        end
      end
    end
  end

  it "believes what an error says itself" do
    sold_out = Class.new(StandardError) { def retryable? = false }
    busy = Class.new(TaskerCore::Errors::PermanentError) { def retryable? = true }
    undecided = Class.new(TaskerCore::Errors::PermanentError) { def retryable? = nil }
    expect([sold_out, busy, undecided].map { |kind| described_class.retryable?(kind.new("x")) }).to eq([false, true, false])
    expect(described_class.classify(busy.new("x"))).to include(classification: "explicit_attribute")
  end

  it "judges every class of its own tables as they say" do
    described_class::PERMANENT_ERROR_CLASSES.each { |kind| expect(described_class.retryable?(kind.new("x"))).to be(false) }
    described_class::RETRYABLE_ERROR_CLASSES.each { |kind| expect(described_class.retryable?(kind.new("x"))).to be(true) }
  end
end
