# frozen_string_literal: true

require_relative "../../../../examples/math/arithmetic"
require_relative "forms"

# W2 and W4 to W6: the handlers of the arithmetic examples, which are classes, as blocks as well.
module ArithmeticBlocks
  # What the steps before came to, or the number of the task.
  def self.factors(context)
    before = context.step_definition.dependencies
    return before.map { |name| Integer(context.get_dependency_field(name, "value")) } if before.any?

    number = context.get_input("even_number")
    raise TaskerCore::Errors::PermanentError, "even_number must be an even whole number" unless number.is_a?(Integer) && number.even?

    [number]
  end

  { "math.square" => Arithmetic::Square, "math.multiply_square" => Arithmetic::MultiplySquare }.each do |name, handler|
    Forms.pair(name, handler) { |context:| { value: (factors(context).inject(:*)**2).to_s } }
  end
end
