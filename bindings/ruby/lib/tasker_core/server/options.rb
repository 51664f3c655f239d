# frozen_string_literal: true

require "optparse"
require "tasker_core/version"

module TaskerCore
  module Server
    # The command line, which the environment fills in where nothing is said.
    class Options
      LEVELS = %w[trace debug info warn error].freeze
      ROLES = %w[full worker].freeze
      private_constant :LEVELS, :ROLES

      attr_reader :handlers, :only, :templates, :namespaces, :settings, :threads, :processes, :worker_id, :config, :role, :grace
      attr_accessor :log_level

      def initialize
        @handlers = []
        @only = []
        @templates = []
        @namespaces = []
        @settings = {}
        @processes = 1
        @role = "full"
        @grace = 30.0
        @log_level = "info"
      end

      # Reads the arguments, and returns itself. A block can add options of its own to the parser.
      def parse(arguments, program: "tasker-worker")
        parser = OptionParser.new
        parser.banner = "Usage: #{program} [options]"
        parser.separator("Run the steps of workflows whose handlers are written in Ruby.")
        add_what(parser)
        add_how(parser)
        add_life(parser)
        yield parser if block_given?
        @rest = parser.parse(arguments)
        self
      end

      # The arguments that are no options.
      def rest
        @rest || []
      end

      # What {Worker::Bootstrap.start!} takes.
      def start_options
        {
          settings: settings, role: role, files: [config].compact, concurrency: threads, worker_id: worker_id,
          namespaces: (namespaces unless namespaces.empty?), templates: (templates unless templates.empty?),
          log_level: log_level, only: only
        }
      end

      private

      def add_what(parser)
        parser.on("--handlers FILE|DIR|NAME", "a .rb file, a folder of them, or what `require` takes;",
                  "RUBY_HANDLER_PATH names folders too") { |value| handlers << value }
        parser.on("--only HANDLER", "serve this handler alone, and leave the others to other workers") { |value| only << value }
        parser.on("--templates DIR", "register the templates in this folder first") { |value| templates << value }
        parser.on("--namespace NAME", "run only steps of this namespace") { |value| namespaces << value }
      end

      def add_how(parser)
        parser.on("--threads M", Integer, "steps that run at once (default: 10, or as configured)") do |value|
          @threads = positive("--threads", value)
        end
        parser.on("--processes N", Integer, "processes, each with its own threads (default: 1)") do |value|
          @processes = positive("--processes", value)
        end
        parser.on("--worker-id NAME", "the worker's name in logs and results") { |value| @worker_id = value }
        parser.on("--config FILE", "a configuration file, read after the usual ones") { |value| @config = value }
        parser.on("--set KEY=VALUE", "set a key of the configuration, such as database.url") { |value| set(value) }
        parser.on("--role ROLE", ROLES, "full also orchestrates (default), which a server does for a worker") do |value|
          @role = value
        end
      end

      def add_life(parser)
        parser.on("--grace S", Float, "seconds that handlers may take to end (default: 30)") { |value| @grace = value }
        parser.on("--log-level LEVEL", LEVELS, LEVELS.join(", ")) { |value| @log_level = value }
        parser.on("--version", "show the version") do
          puts "tasker_core #{VERSION}"
          exit
        end
      end

      def set(pair)
        key, equals, value = pair.partition("=")
        raise OptionParser::InvalidArgument, "#{pair}: write KEY=VALUE" if equals.empty?

        settings[key] = value
      end

      def positive(option, value)
        value.positive? ? value : raise(OptionParser::InvalidArgument, "#{option} #{value}: must be 1 or more")
      end
    end
  end
end
