# frozen_string_literal: true

require "io/wait"
require "tasker_core/native/loading"
require "tasker_core/native/frames"
require "tasker_core/native/codec"

module TaskerCore
  module Native
    # Takes the core's records out of its ring, in a thread, for as long as the process lives.
    class LogDrain
      AT_ONCE = 1000
      SLICE = 1.0
      LEVELS = { 1 => :error, 2 => :warn, 3 => :info, 4 => :debug, 5 => :debug }.freeze
      private_constant :AT_ONCE, :SLICE, :LEVELS

      @lock = Mutex.new
      @drain = nil
      @process = nil

      class << self
        # Begins to log the core's records, once per process.
        def start
          @lock.synchronize do
            next if @process == Process.pid

            @drain = new(Native.library).tap(&:start)
            @process = Process.pid
          end
        end

        # Logs what the core has recorded up to now.
        def flush
          @drain.flush if @process == Process.pid
        end
      end

      def initialize(library)
        @library = library
        @turn = Mutex.new
      end

      def start
        thread = Thread.new { Thread.handle_interrupt(Object => :never) { run } }
        thread.name = "tasker-log"
        thread.report_on_exception = false
      end

      # Logs what there is now.
      def flush
        @turn.synchronize { nil while take == Status::OK }
      end

      private

      def run
        readable = IO.for_fd(@library.plain(:tasker_log_fd), "r", autoclose: false)
        loop do
          flush
          Thread.handle_interrupt(Object => :immediate) { readable.wait_readable(SLICE) }
        end
      rescue CoreError, SystemCallError => e
        Logger.instance.warn("the core's log cannot be read any more: #{e.message}")
      end

      def take
        code, buffer = @library.answer(:tasker_log_poll_nb, AT_ONCE, 0)
        @library.raise_error(:tasker_log_poll, code, buffer) if code.negative?
        Frames.decode(buffer).each { |frame| log(frame) } if code == Status::OK
        code
      end

      def log(frame)
        record = Codec.load(frame.payload)
        case frame.type
        when FrameType::LOG then Logger.instance.public_send(LEVELS.fetch(frame.status, :info), text(record))
        when FrameType::DROPPED
          Logger.instance.warn("#{record["count"]} records of the core were lost: they came faster than they were read")
        end
      rescue StandardError => e
        Logger.instance.warn("the core logged something that cannot be passed on: #{e.message}")
      end

      # The message, and its fields after it. Logs have timestamps and levels of their own.
      def text(record)
        fields = record.except("message", "timestamp", "level")
        [record["message"], *fields.map { |key, value| "#{key}=#{value}" }].join(" ")
      end
    end
  end
end
