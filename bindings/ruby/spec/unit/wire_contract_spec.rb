# frozen_string_literal: true

RSpec.describe "the helper that holds documents against the contract" do
  %w[step_result checkpoint].each do |kind|
    Steps.contract(kind)["accept"].each do |example|
      it("takes #{kind}: #{example["name"]}") { check_contract(example["document"]) }
    end
  end

  ["an unknown key", "an unknown key of metadata", "error_message belongs into error", "message belongs into error"].each do |name|
    it "refuses #{name}" do
      example = contract("step_result")["refuse"].find { |refused| refused["name"] == name }
      expect { check_contract(example["document"]) }.to raise_error(/keys that the core does not know/)
    end
  end
end
