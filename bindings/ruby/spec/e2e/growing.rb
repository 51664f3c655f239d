# frozen_string_literal: true

require_relative "forms"

# W9, C8 and C10: a workflow that takes one of two ways in batches, and a step that goes from checkpoint to checkpoint.
module Growing
  HALVES = %w[evens odds].freeze

  # W9: a diamond, whose end decides that one half of the numbers is worked off in batches.
  class HalvesWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique

    step(:numbers) { |given:| { all: given } }
    step(:evens) { |numbers:| { found: numbers[:all].select(&:even?) } }
    step(:odds) { |numbers:| { found: numbers[:all].select(&:odd?) } }
    step :choose, type: :decision do |evens:, odds:|
      TaskerCore::StepHandler::Functional::Decision.route([evens[:found].size >= odds[:found].size ? "split_evens" : "split_odds"])
    end
    HALVES.each do |half|
      step "split_#{half}", type: :batchable, after: :choose do |context:|
        found = context.get_dependency_field(half, "found")
        TaskerCore::StepHandler::Functional::BatchConfig.new(total_items: found.size, batch_size: 2)
      end
      step "square_#{half}", type: :batch_worker, after: "split_#{half}" do |batch_context:, context:|
        mine = context.get_dependency_field(half, "found")[batch_context.start_cursor...batch_context.end_cursor]
        { sum: mine.sum { |number| number**2 } }
      end
      step "sum_#{half}", type: :deferred_convergence, after: "square_#{half}" do |context:|
        { sum: context.get_all_dependency_results("square_#{half}_").sum { |result| result["sum"] } }
      end
    end
  end

  module HalvesClasses
    class Numbers < TaskerCore::StepHandler::Base
      def call(context) = success(result: { all: context.get_input("given") })
    end

    class Evens < TaskerCore::StepHandler::Base
      def call(context) = success(result: { found: context.get_dependency_field("numbers", "all").select(&:even?) })
    end

    class Odds < TaskerCore::StepHandler::Base
      def call(context) = success(result: { found: context.get_dependency_field("numbers", "all").select(&:odd?) })
    end

    class Choose < TaskerCore::StepHandler::Decision
      def call(context)
        evens, odds = HALVES.map { |half| context.get_dependency_field(half, "found").size }
        decision_success(steps: [evens >= odds ? "split_evens" : "split_odds"])
      end
    end

    # What the steps of one half have in common.
    class Half < TaskerCore::StepHandler::Batchable
      def half(context) = context.step_name[/evens|odds/]

      def found(context) = context.get_dependency_field(half(context), "found")
    end

    class SplitEvens < Half
      def call(context)
        items = found(context).size
        ranges = create_cursor_configs(items, items.fdiv(2).ceil)
        create_batches_outcome(worker_template_name: "square_#{half(context)}", cursor_configs: ranges, total_items: items)
      end
    end

    class SquareEvens < Half
      def call(context)
        batch = get_batch_context(context)
        mine = found(context)[batch.start_cursor...batch.end_cursor]
        success(result: { sum: mine.sum { |number| number**2 } })
      end
    end

    class SumEvens < Half
      def call(context)
        scenario = detect_aggregation_scenario(context, "split_#{half(context)}", "square_#{half(context)}_")
        success(result: { sum: scenario.batch_results.values.sum { |result| result["sum"] } })
      end
    end

    SplitOdds = Class.new(SplitEvens)
    SquareOdds = Class.new(SquareEvens)
    SumOdds = Class.new(SumEvens)
  end

  # C8 and C10: what a cursor may be, and what changes with each time that the step is handed out.
  module Cursors
    ALL = [7, "token-1", { "page" => 2, "of" => [nil, true] }, nil, ["a", 1.5], true].freeze
    LARGE = 10**12

    # What was seen so far, this time included, and the next cursor unless there is none.
    def self.look(context)
      seen = context.accumulated_results&.fetch("seen") || []
      kept = context.checkpoint&.fetch("history")&.size || 0
      seen += [{ "cursor" => context.checkpoint_cursor, "items" => context.checkpoint_items_processed, "attempt" => context.retry_count,
                 "history" => kept }]
      given = seen.size - 1
      more = { cursor: ALL[given], items_processed: context.get_input_or("items", given * LARGE), accumulated_results: { seen: seen } }
      [seen, (more if given < ALL.size)]
    end
  end

  class Walk < TaskerCore::StepHandler::Batchable
    def call(context)
      seen, more = Cursors.look(context)
      more ? checkpoint_yield(**more) : success(result: { seen: seen })
    end
  end

  class CursorsWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique

    step(:walk) do |context:|
      seen, more = Cursors.look(context)
      more ? TaskerCore::Types::StepHandlerCallResult.checkpoint_yield(**more) : { seen: seen }
    end
  end

  Forms.both(HalvesWorkflow, HalvesClasses)
  Forms.both(CursorsWorkflow, Growing)
end
