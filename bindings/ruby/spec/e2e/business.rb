# frozen_string_literal: true

require_relative "business_classes"
require_relative "forms"

# W10: workflows of shops, pipelines and help desks, as blocks; business_classes.rb has them as classes. The first step of each
# checks what it is given.
module Business
  # Five steps in a row.
  class CheckoutWorkflow < TaskerCore::Workflow
    namespace "business_rb"
    identity_strategy :always_unique

    step :validate_cart do |items: nil|
      BusinessClasses.check(items.is_a?(Array) && items.any?, "the cart is empty")
      { cents: items.sum { |item| item["cents"] * item["quantity"] } }
    end
    step(:process_payment) { |validate_cart:, context:| { paid: validate_cart[:cents], key: context.idempotency_key } }
    step(:update_inventory) { |process_payment:, items: nil| { taken: process_payment[:paid] && items.sum { |item| item["quantity"] } } }
    step(:create_order) { |process_payment:, update_inventory:| { items: update_inventory[:taken], cents: process_payment[:paid] } }
    step(:send_confirmation) { |create_order:| { text: "#{create_order[:items]} items, #{create_order[:cents]} cents" } }
  end

  # Eight steps: three sources, read and cleaned side by side, and what they come to.
  class PipelineWorkflow < TaskerCore::Workflow
    namespace "business_rb"
    identity_strategy :always_unique

    SOURCES = { sales: 10, inventory: 20, customers: 30 }.freeze

    SOURCES.each do |source, rows_a_day|
      step "extract_#{source}" do |days: nil|
        BusinessClasses.check(days.is_a?(Integer) && days.positive?, "days is a whole number from 1")
        { rows: days * rows_a_day }
      end
    end
    SOURCES.each_key do |source|
      step("transform_#{source}", after: "extract_#{source}") do |context:|
        { value: context.get_dependency_field("extract_#{source}", "rows") * 2 }
      end
    end
    step :aggregate, after: SOURCES.keys.map { |source| "transform_#{source}" } do |context:|
      { total: context.get_all_dependency_results("transform_").sum { |result| result["value"] } }
    end
    step(:report) { |aggregate:| { report: "total #{aggregate[:total]}" } }
  end

  # Five steps, a diamond among them.
  class RegistrationWorkflow < TaskerCore::Workflow
    namespace "business_rb"
    identity_strategy :always_unique

    step :create_user do |email: nil|
      BusinessClasses.check(email.to_s.include?("@"), "an e-mail address is needed")
      { user: email[/\A[^@]+/] }
    end
    step(:set_up_billing) { |create_user:| { for: create_user[:user] } }
    step(:set_up_preferences) { |create_user:| { for: create_user[:user] } }
    step(:welcome) { |set_up_billing:, set_up_preferences:| { same: set_up_billing[:for] == set_up_preferences[:for] } }
    step(:activate) { |create_user:, welcome:| { active: (create_user[:user] if welcome[:same]) } }
  end

  # Two steps side by side among four.
  class FulfilmentWorkflow < TaskerCore::Workflow
    namespace "business_rb"
    identity_strategy :always_unique

    step :validate_order do |quantity: nil|
      BusinessClasses.check(quantity.is_a?(Integer) && quantity.positive?, "a quantity is a whole number from 1")
      { quantity: quantity }
    end
    step(:reserve_stock) { |validate_order:| { reserved: validate_order[:quantity] } }
    step(:print_label) { |validate_order:| { labels: validate_order[:quantity] } }
    step(:ship) { |reserve_stock:, print_label:| { shipped: [reserve_stock[:reserved], print_label[:labels]].min } }
  end

  # Refunds, which payments make in five steps and the help desk asks for in four.
  class PaymentRefundWorkflow < TaskerCore::Workflow
    namespace "payments_rb"
    workflow_name "refund"
    identity_strategy :always_unique

    step :validate_payment do |paid_cents: nil, cents: nil|
      right = cents.is_a?(Integer) && cents.between?(1, paid_cents || 0)
      BusinessClasses.check(right, "#{cents.inspect} of #{paid_cents.inspect} cents cannot be given back")
      { cents: cents, all: cents == paid_cents }
    end
    step(:check_fraud) { |validate_payment:| { suspicious: validate_payment[:cents] > 100_000 } }
    step(:give_back) { |validate_payment:, check_fraud:| { cents: check_fraud[:suspicious] ? 0 : validate_payment[:cents] } }
    step :update_records do |give_back:, validate_payment:|
      { state: validate_payment[:all] ? "refunded" : "partly refunded", cents: give_back[:cents] }
    end
    step(:tell_customer) { |update_records:, context:| { told: "#{update_records[:state]}: #{update_records[:cents]}", by: context.namespace_name } }
  end

  class SupportRefundWorkflow < TaskerCore::Workflow
    namespace "support_rb"
    workflow_name "refund"
    identity_strategy :always_unique

    step :validate_request do |ticket: nil|
      BusinessClasses.check(ticket.to_s.match?(/\AT-\d+\z/), "a ticket has a number such as T-1")
      { ticket: ticket }
    end
    step(:check_policy) { |validate_request:| { allowed: !validate_request[:ticket].end_with?("0") } }
    step(:decide) { |check_policy:| { approved: check_policy[:allowed] } }
    step(:tell_customer) { |decide:, context:| { told: decide[:approved] ? "approved" : "declined", by: context.namespace_name } }
  end

  { CheckoutWorkflow => BusinessClasses::Checkout, PipelineWorkflow => BusinessClasses::Pipeline,
    RegistrationWorkflow => BusinessClasses::Registration, FulfilmentWorkflow => BusinessClasses::Fulfilment,
    PaymentRefundWorkflow => BusinessClasses::PaymentRefund,
    SupportRefundWorkflow => BusinessClasses::SupportRefund }.each { |workflow, classes| Forms.both(workflow, classes) }
end
