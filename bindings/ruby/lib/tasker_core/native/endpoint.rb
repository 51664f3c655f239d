# frozen_string_literal: true

require "tasker_core/native/codec"
require "tasker_core/native/ending"
require "tasker_core/native/loading"
require "tasker_core/native/waiting"

module TaskerCore
  module Native
    # What workers and clients have in common: a handle, and calls.
    class Endpoint
      # Seconds that opening may take: the private PostgreSQL may have to recover first.
      OPEN_TIMEOUT = 60.0
      CALL_TIMEOUT = 30.0

      attr_reader :handle, :info

      def initialize(config = {}, timeout: OPEN_TIMEOUT)
        @library = Native.library
        raw = Codec.dump(config)
        Ending.watch
        Thread.handle_interrupt(Object => :on_blocking) do
          late = ->(opened) { @library.plain(free_function, opened.first) }
          @handle, document = Waiting.interruptible(late: late) { connect(raw, timeout) }
          ObjectSpace.define_finalizer(self, Endpoint.finalizer(@library, free_function, @handle, Process.pid))
          Ending.note(@library, free_function, @handle)
          @info = Codec.load(document)
        end
      end

      # Ends what was never freed. A forked child has a copy of the object, but the parent's core.
      def self.finalizer(library, function, handle, process)
        ->(_id) { library.plain(function, handle) if Process.pid == process }
      end

      # Ends it at once. Harmless when it has ended, and in a forked child.
      def free
        ObjectSpace.undefine_finalizer(self)
        Ending.forget(@handle)
        @library.plain(free_function, @handle)
        nil
      end

      # Calls one of the library's methods, and waits for its answer.
      def call(method, params = nil, timeout: CALL_TIMEOUT)
        name = method.to_s
        raw = Codec.dump(params || {})
        Codec.load(Waiting.interruptible do
          @library.ask(:tasker_call, @handle, name, name.bytesize, raw, raw.bytesize, milliseconds(timeout))
        end)
      end

      private

      def connect(raw, timeout)
        handle = FFI::MemoryPointer.new(:uint64)
        document = @library.ask(open_function, raw, raw.bytesize, milliseconds(timeout), handle)
        [handle.read_uint64, document]
      end

      # Seconds as the library takes them, which has whole milliseconds and no more than 31 bits of them.
      def milliseconds(seconds)
        (seconds * 1000).ceil.clamp(0, (2**31) - 1)
      end
    end

    # A client: of a server if its configuration has a `url`, else of the database.
    class Client < Endpoint
      private

      def open_function
        :tasker_client_new
      end

      def free_function
        :tasker_client_free
      end
    end
  end
end
