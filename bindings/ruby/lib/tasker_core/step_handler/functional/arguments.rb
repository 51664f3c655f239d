# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/types/typed"

module TaskerCore
  module StepHandler
    module Functional
      # What a block asks for, and where that comes from.
      class Arguments
        # A result of an earlier step, and the class that it is wanted as, or nil.
        Dependency = Struct.new(:step, :kind) do
          def value(context)
            result = context.get_dependency_result(step)
            result.nil? || kind.nil? ? result : Types::Typed.load(kind, result, "the result of step #{step}")
          end
        end
        private_constant :Dependency

        def initialize(name, depends_on, inputs, block)
          raise Errors::ConfigurationError, "the handler #{name} needs a block that does its work" unless block

          @name = name
          @block = block
          @dependencies = depends_on.to_h { |key, wanted| [key.to_sym, dependency(key, wanted)] }
          @inputs = inputs.is_a?(Class) ? inputs : Array(inputs).map(&:to_sym)
          @accepted = accepted
        end

        # Calls the block for a step. `extras` are given only if the block has such keywords.
        def call(context, **extras)
          given = inputs(context)
          @dependencies.each_pair { |key, dependency| given[key] = dependency.value(context) }
          given.update(extras)
          @block.call(**(@accepted ? given.slice(*@accepted) : given))
        end

        private

        def dependency(key, wanted)
          case wanted
          in String | Symbol then Dependency.new(wanted.to_s, nil)
          in [String | Symbol => step, Class => kind] then Dependency.new(step.to_s, kind)
          else
            raise Errors::ConfigurationError,
                  "#{key} of the handler #{@name} depends on a step's name, or on a name and a class, not on #{wanted.inspect}"
          end
        end

        def inputs(context)
          return { inputs: Types::Typed.load(@inputs, context.input_data, "the task's context") } if @inputs.is_a?(Class)

          @inputs.to_h { |key| [key, context.get_input(key)] }
        end

        # The keywords of the block; nil if it takes any.
        def accepted
          parameters = @block.parameters
          positional = parameters.find { |type, _| %i[req opt].include?(type) }
          if positional
            raise Errors::ConfigurationError,
                  "the block of the handler #{@name} is given keywords: write `|#{positional.last}:|`, not `|#{positional.last}|`"
          end

          parameters.any? { |type, _| type == :keyrest } ? nil : parameters.map(&:last)
        end
      end
    end
  end
end
