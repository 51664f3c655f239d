# frozen_string_literal: true

require "tasker_core/native/status"

module TaskerCore
  module Native
    # One frame. `number` is a step's token or the id of a request; `status` a result code or a log level.
    Frame = Struct.new(:type, :flags, :number, :id, :status, :payload)

    # A buffer that holds no frames, or not those that its header announces.
    class FrameError < StandardError; end

    # Reading the frames that polls return. Their layout is told in `include/tasker.h`.
    module Frames
      MAGIC = "TKF1"
      HEADER_SIZE = 16
      FRAME_SIZE = 40
      HEADER = "a4L<Q<"
      FRAME = "L<S<S<Q<a16l<L<"
      private_constant :HEADER, :FRAME

      class << self
        # Reads all frames of a buffer. Raises {FrameError} for anything but a whole, well-formed one.
        def decode(buffer)
          count, total = header(buffer)
          at = HEADER_SIZE
          Array.new(count) do |i|
            raise FrameError, "the header tells of #{count} frames, there are #{i}" if at + FRAME_SIZE > total

            size, type, flags, number, id, status, = buffer.unpack(FRAME, offset: at)
            at += FRAME_SIZE
            raise FrameError, "frame #{i} ends behind the buffer" if at + size > total

            payload = buffer.byteslice(at, size).force_encoding(Encoding::UTF_8)
            at += size + (-size % 8)
            Frame.new(type, flags, number, id, status, payload)
          end
        end

        # An event's 16 bytes as a UUID.
        def uuid(id)
          id.unpack("H8H4H4H4H12").join("-")
        end

        private

        def header(buffer)
          size = buffer.bytesize
          raise FrameError, "#{size} bytes are too few for a header" if size < HEADER_SIZE

          magic, count, total = buffer.unpack(HEADER)
          raise FrameError, "unknown magic #{magic.inspect}" unless magic == MAGIC
          raise FrameError, "the header tells of #{total} bytes, there are #{size}" unless total == size
          # More frames than there is room for would only fill memory before they are found missing.
          raise FrameError, "the header tells of #{count} frames" if count > (size - HEADER_SIZE) / FRAME_SIZE

          [count, total]
        end
      end
    end
  end
end
