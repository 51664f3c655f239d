# frozen_string_literal: true

require "tasker_core"

# The handlers of the arithmetic examples, as math.go has them in Go: linear, diamond, tree and mixed DAG. Run one with
#
#     tasker-dev examples/math/arithmetic.rb --templates examples/templates \
#       --run examples_tree/hierarchical_tree --context '{"even_number": 6}'
#
# A result is a whole number as decimal text, which no JSON reader rounds.
module Arithmetic
  # Squares the number of the task, for a first step, or the result of the one step that it depends on.
  class Square < TaskerCore::StepHandler::Base
    self.handler_name = "math.square"

    def call(context)
      success(result: { value: (product(context)**2).to_s })
    end

    private

    # Multiplies what the step works from.
    def product(context)
      before = context.step_definition.dependencies
      return before.map { |name| Integer(context.get_dependency_field(name, "value")) }.inject(:*) if before.any?

      number = context.get_input("even_number")
      return number if number.is_a?(Integer) && number.even?

      raise TaskerCore::Errors::PermanentError, "even_number must be an even whole number"
    end
  end

  # Multiplies the results of all steps that it depends on, and squares the product.
  class MultiplySquare < Square
    self.handler_name = "math.multiply_square"
  end
end
