# frozen_string_literal: true

require "tasker_core"

# The handlers of the order_fulfillment example, as orders.go has them in Go: run them with
#
#     tasker-dev examples/orders/orders.rb --templates examples/templates/order_fulfillment.yaml
#
# ORDERS_PACE_S is how long a step takes, in seconds.
module Orders
  extend TaskerCore::StepHandler::Functional

  PACE = Float(ENV.fetch("ORDERS_PACE_S", "0"))

  # Checks the items and adds up the total.
  ValidateCart = step_handler("order.validate_cart", inputs: [:items]) do |items:, context:|
    items.each do |item|
      next if item[:quantity].positive?

      raise TaskerCore::Errors::PermanentError,
            "product #{item[:product_id]}: a quantity of #{item[:quantity]} cannot be ordered"
    end
    Orders.wait(context, PACE / 2)
    {
      total_cents: items.sum { |item| item[:quantity] * item[:price_cents] },
      item_count: items.sum { |item| item[:quantity] }
    }
  end

  # Sets the goods aside.
  ReserveInventory = step_handler("order.reserve_inventory") do |context:|
    Orders.wait(context, PACE)
    { reservation_id: Orders.number("rsv", context), hold_minutes: context.get_config("hold_minutes") }
  end

  # Charges the customer. The first attempt fails, so that there is a retry to see.
  ProcessPayment = step_handler("order.process_payment", depends_on: { cart: "validate_cart" }) do |cart:, context:|
    Orders.wait(context, PACE)
    raise TaskerCore::Errors::RetryableError, "the payment gateway did not answer" unless context.is_retry?

    { payment_id: Orders.number("pay", context), amount_cents: cart[:total_cents], currency: context.get_config("currency") }
  end

  # Hands the goods to the carrier.
  ShipOrder = step_handler("order.ship_order") do |context:|
    Orders.wait(context, PACE)
    { tracking_number: Orders.number("trk", context), carrier: context.get_config("carrier") }
  end

  # Makes up a number that is the same for every attempt of a step, so that one that runs again books nothing twice.
  def self.number(kind, context)
    "#{kind}_#{context.step_uuid.delete("-")[20..]}"
  end

  # Takes its time, unless the step is told to stop.
  def self.wait(context, seconds)
    deadline = now + seconds
    sleep(0.01) while now < deadline && !context.cancelled?
  end

  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
  private_class_method :now
end
