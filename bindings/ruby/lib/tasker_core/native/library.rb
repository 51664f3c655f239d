# frozen_string_literal: true

require "json"
require "tasker_core/native/errors"
require "tasker_core/native/functions"
require "tasker_core/native/locate"

module TaskerCore
  module Native
    # The loaded library. Its methods raise {CoreError} for negative results.
    class Library
      BUFFER = Buffer.size
      LENGTH = Buffer.offset_of(:len)
      private_constant :BUFFER, :LENGTH

      attr_reader :path

      def initialize(path)
        @path = path
        @functions = attach(path)
        check_abi
      end

      # Calls a function that fills no buffer, and returns what it returns.
      def plain(name, *args)
        @functions.public_send(name, *args)
      end

      # Calls a function that fills a buffer, its last parameter. Returns the code and a copy of what was there.
      def answer(name, *args)
        out = FFI::MemoryPointer.new(BUFFER)
        code = @functions.public_send(name, *args, out)
        [code, copy(out)]
      ensure
        @functions.tasker_buf_free(out)
      end

      # Takes frames. Waits for them up to `milliseconds`, without the lock of the interpreter, unless that is 0. Returns the code
      # and a copy of the buffer.
      def poll(handle, max_frames, milliseconds)
        answer(milliseconds.zero? ? :tasker_poll_nb : :tasker_poll, handle, max_frames, 0, milliseconds)
      end

      # Hands over a result, without waiting for room: the call that each step makes. Raises errors.
      def complete(handle, token, result)
        out = FFI::MemoryPointer.new(BUFFER)
        code = @functions.tasker_complete_nb(handle, token, result, result.bytesize, 0, out)
        raise_error(:tasker_complete, code, copy(out)) if code.negative?
      ensure
        @functions.tasker_buf_free(out)
      end

      # Like {#answer}, but errors are raised. The outcome is dropped: use {#answer} where it matters.
      def ask(name, *args)
        code, document = answer(name, *args)
        raise_error(name, code, document) if code.negative?
        document
      end

      # Raises for an error code of a function without a buffer.
      def check(name, code)
        raise_error(name, code, "") if code.negative?
        code
      end

      # Raises the exception for an error document.
      def raise_error(name, code, document)
        raise Native.forked_error if code == Status::E_FORKED

        error = parsed(document)
        label = error["name"] || plain(:tasker_status_name, code)
        raise Native.error_class(code).new(
          error["message"] ? "#{error["message"]} (#{label})" : label,
          code: code, retryable: error["retryable"] == true, details: error["details"], operation: name.to_s
        )
      end

      # Version, commit and Go version of the library.
      def version
        plain(:tasker_version)
      end

      # Buffers that were handed out and not freed.
      def live_buffers
        plain(:tasker_live_buffers)
      end

      # Has signal handlers that were installed meanwhile run on a stack of their own; see include/tasker.h.
      def harden_signals
        plain(:tasker_signals_harden, 0xFFFFFFFF)
      end

      def inspect
        "#<#{self.class} #{path}>"
      end

      private

      def attach(path)
        functions = Module.new { extend FFI::Library }
        functions.ffi_lib(path)
        FUNCTIONS.each do |name, (takes, returns, waits)|
          functions.attach_function(name, takes, returns, blocking: waits == :waits)
        end
        TWINS.each { |name| functions.attach_function(:"#{name}_nb", name, *FUNCTIONS.fetch(name).first(2)) }
        functions
      rescue FFI::NotFoundError => e
        raise LibraryLoadError, "#{path} has no #{e.message[/tasker_\w+/]}: it is older than this gem; #{TOGETHER}"
      rescue LoadError => e
        raise LibraryLoadError, "#{path} cannot be loaded: #{e.message.strip}#{Locate.musl_hint}"
      end

      def check_abi
        want = (ABI_MAJOR << 16) | ABI_MINOR
        return if plain(:tasker_abi_check, want, Buffer.size, FFI::Pointer.size) == Status::OK

        has = plain(:tasker_abi_version)
        raise LibraryLoadError,
              "#{path} has ABI #{has >> 16}.#{has & 0xFFFF}, this gem needs #{ABI_MAJOR}.#{ABI_MINOR} or a later " \
              "#{ABI_MAJOR}.x; #{TOGETHER}"
      end

      def copy(out)
        length = out.get_ulong(LENGTH)
        length.zero? ? +"" : out.read_pointer.read_bytes(length).force_encoding(Encoding::UTF_8)
      end

      def parsed(document)
        error = document.empty? ? {} : JSON.parse(document)
        error.is_a?(Hash) ? error : {}
      rescue JSON::ParserError
        {}
      end
    end

    TOGETHER = "build or install them together"
    private_constant :TOGETHER
  end
end
