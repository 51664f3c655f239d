# frozen_string_literal: true

module TaskerCore
  # What runs the steps of workflows with the handlers of this program.
  module Worker
    @around = []

    class << self
      # Has a block run around each step, on the thread of its handler. The block is given the step as a proc to call, and
      # has to return what it returns. Rails wraps steps in its executor this way.
      def wrap_steps(&wrapper)
        @around += [wrapper]
        wrapper
      end

      # Undoes {wrap_steps}.
      def unwrap_steps(wrapper)
        @around -= [wrapper]
      end

      # Runs a step within everything that wraps steps; what was registered first is outermost.
      def around_step(&step)
        return yield if @around.empty?

        @around.reverse.inject(step) { |inner, wrapper| -> { wrapper.call(inner) } }.call
      end
    end
  end
end
