# frozen_string_literal: true

require "tasker_core"

# The steps of the workflows in business.rb, as classes by their names.
module BusinessClasses
  BASE = TaskerCore::StepHandler::Base

  # Ends a step for good whose input cannot be right.
  def self.check(right, what)
    raise TaskerCore::Errors::PermanentError.new(what, error_code: "BAD_INPUT") unless right
  end

  module Checkout
    class ValidateCart < BASE
      def call(context)
        items = context.get_input("items")
        BusinessClasses.check(items.is_a?(Array) && items.any?, "the cart is empty")
        success(result: { cents: items.sum { |item| item["cents"] * item["quantity"] } })
      end
    end

    class ProcessPayment < BASE
      def call(context)
        success(result: { paid: context.get_dependency_field("validate_cart", "cents"), key: context.idempotency_key })
      end
    end

    class UpdateInventory < BASE
      def call(context)
        paid = context.get_dependency_field("process_payment", "paid")
        success(result: { taken: paid && context.get_input("items").sum { |item| item["quantity"] } })
      end
    end

    class CreateOrder < BASE
      def call(context)
        items = context.get_dependency_field("update_inventory", "taken")
        success(result: { items: items, cents: context.get_dependency_field("process_payment", "paid") })
      end
    end

    class SendConfirmation < BASE
      def call(context)
        order = context.get_dependency_result("create_order")
        success(result: { text: "#{order["items"]} items, #{order["cents"]} cents" })
      end
    end
  end

  module Pipeline
    # Reads a source that has so many rows a day.
    class Extract < BASE
      ROWS = { "sales" => 10, "inventory" => 20, "customers" => 30 }.freeze

      def call(context)
        days = context.get_input("days")
        BusinessClasses.check(days.is_a?(Integer) && days.positive?, "days is a whole number from 1")
        success(result: { rows: days * ROWS.fetch(context.step_name.delete_prefix("extract_")) })
      end
    end

    class Transform < BASE
      def call(context)
        rows = context.get_dependency_field(context.step_name.sub("transform", "extract"), "rows")
        success(result: { value: rows * 2 })
      end
    end

    ExtractSales = Class.new(Extract)
    ExtractInventory = Class.new(Extract)
    ExtractCustomers = Class.new(Extract)
    TransformSales = Class.new(Transform)
    TransformInventory = Class.new(Transform)
    TransformCustomers = Class.new(Transform)

    class Aggregate < BASE
      def call(context)
        success(result: { total: Extract::ROWS.keys.sum { |source| context.get_dependency_field("transform_#{source}", "value") } })
      end
    end

    class Report < BASE
      def call(context)
        success(result: { report: "total #{context.get_dependency_field("aggregate", "total")}" })
      end
    end
  end

  module Registration
    class CreateUser < BASE
      def call(context)
        email = context.get_input("email").to_s
        BusinessClasses.check(email.include?("@"), "an e-mail address is needed")
        success(result: { user: email[/\A[^@]+/] })
      end
    end

    # Sets something up for the user.
    class SetUp < BASE
      def call(context)
        success(result: { for: context.get_dependency_field("create_user", "user") })
      end
    end

    SetUpBilling = Class.new(SetUp)
    SetUpPreferences = Class.new(SetUp)

    class Welcome < BASE
      def call(context)
        users = %w[set_up_billing set_up_preferences].map { |name| context.get_dependency_field(name, "for") }
        success(result: { same: users.uniq.size == 1 })
      end
    end

    class Activate < BASE
      def call(context)
        user = context.get_dependency_field("create_user", "user")
        success(result: { active: (user if context.get_dependency_field("welcome", "same")) })
      end
    end
  end

  module Fulfilment
    class ValidateOrder < BASE
      def call(context)
        quantity = context.get_input("quantity")
        BusinessClasses.check(quantity.is_a?(Integer) && quantity.positive?, "a quantity is a whole number from 1")
        success(result: { quantity: quantity })
      end
    end

    class ReserveStock < BASE
      def call(context)
        success(result: { reserved: context.get_dependency_field("validate_order", "quantity") })
      end
    end

    class PrintLabel < BASE
      def call(context)
        success(result: { labels: context.get_dependency_field("validate_order", "quantity") })
      end
    end

    class Ship < BASE
      def call(context)
        ready = [context.get_dependency_field("reserve_stock", "reserved"), context.get_dependency_field("print_label", "labels")]
        success(result: { shipped: ready.min })
      end
    end
  end

  module PaymentRefund
    class ValidatePayment < BASE
      def call(context)
        cents = context.get_input("cents")
        paid = context.get_input_or("paid_cents", 0)
        right = cents.is_a?(Integer) && cents.between?(1, paid)
        BusinessClasses.check(right, "#{cents.inspect} of #{paid} cents cannot be given back")
        success(result: { cents: cents, all: cents == paid })
      end
    end

    class CheckFraud < BASE
      def call(context)
        success(result: { suspicious: context.get_dependency_field("validate_payment", "cents") > 100_000 })
      end
    end

    class GiveBack < BASE
      def call(context)
        suspicious = context.get_dependency_field("check_fraud", "suspicious")
        success(result: { cents: suspicious ? 0 : context.get_dependency_field("validate_payment", "cents") })
      end
    end

    class UpdateRecords < BASE
      def call(context)
        state = context.get_dependency_field("validate_payment", "all") ? "refunded" : "partly refunded"
        success(result: { state: state, cents: context.get_dependency_field("give_back", "cents") })
      end
    end

    class TellCustomer < BASE
      def call(context)
        record = context.get_dependency_result("update_records")
        success(result: { told: "#{record["state"]}: #{record["cents"]}", by: context.namespace_name })
      end
    end
  end

  module SupportRefund
    class ValidateRequest < BASE
      def call(context)
        ticket = context.get_input("ticket")
        BusinessClasses.check(ticket.to_s.match?(/\AT-\d+\z/), "a ticket has a number such as T-1")
        success(result: { ticket: ticket })
      end
    end

    class CheckPolicy < BASE
      def call(context)
        success(result: { allowed: !context.get_dependency_field("validate_request", "ticket").end_with?("0") })
      end
    end

    class Decide < BASE
      def call(context)
        success(result: { approved: context.get_dependency_field("check_policy", "allowed") })
      end
    end

    class TellCustomer < BASE
      def call(context)
        approved = context.get_dependency_field("decide", "approved")
        success(result: { told: approved ? "approved" : "declined", by: context.namespace_name })
      end
    end
  end
end
