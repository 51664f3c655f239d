# frozen_string_literal: true

require_relative "forms"

# W7: an approval, of which only the steps come into being that a decision chooses.
module Approval
  # Who has to approve an amount.
  def self.approvers(amount)
    return ["auto_approve"] if amount < 1000

    amount < 5000 ? ["manager_approval"] : %w[manager_approval finance_review]
  end

  WAYS = %i[auto_approve manager_approval finance_review].freeze
  REQUEST = {
    type: "object", required: %w[amount requester purpose],
    properties: {
      amount: { type: "integer", minimum: 1, maximum: 1_000_000 }, requester: { type: "string", minLength: 1 },
      purpose: { type: "string", minLength: 1 }
    }
  }.freeze

  class ApprovalWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique
    input_schema REQUEST

    step(:validate) { |amount:| { amount: amount } }
    step(:route, type: :decision) do |validate:|
      TaskerCore::StepHandler::Functional::Decision.route(Approval.approvers(validate[:amount]))
    end
    WAYS.each { |way| step(way, after: :route) { { by: way } } }
    step(:finalize, type: :deferred_convergence, after: WAYS) do |context:|
      { approved_by: WAYS.map(&:name).select { |way| context.get_dependency_result(way) }.sort }
    end
  end

  module Classes
    class Validate < TaskerCore::StepHandler::Base
      def call(context) = success(result: { amount: context.get_input("amount") })
    end

    class Route < TaskerCore::StepHandler::Decision
      def call(context) = decision_success(steps: Approval.approvers(context.get_dependency_field("validate", "amount")))
    end

    class AutoApprove < TaskerCore::StepHandler::Base
      def call(context) = success(result: { by: context.step_name })
    end

    ManagerApproval = Class.new(AutoApprove)
    FinanceReview = Class.new(AutoApprove)

    class Finalize < TaskerCore::StepHandler::Base
      def call(context)
        approvals = context.get_dependency_result_keys - %w[validate route]
        success(result: { approved_by: approvals.map { |name| context.get_dependency_field(name, "by") }.sort })
      end
    end
  end

  Forms.both(ApprovalWorkflow, Classes)
end
