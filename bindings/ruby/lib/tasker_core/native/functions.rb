# frozen_string_literal: true

require "ffi"

module TaskerCore
  module Native
    # The version of include/tasker.h that this file is written for.
    ABI_MAJOR = 1
    ABI_MINOR = 1

    # `tasker_buf`: memory of the library. One struct for each call under way.
    class Buffer < FFI::Struct
      layout :data, :pointer, :len, :size_t, :cookie, :uint64
    end

    input = %i[buffer_in size_t].freeze
    # The interface, function by function: what it takes, what it returns, and whether it may wait. A call that may wait is
    # made without the lock of the interpreter, and threads that are killed or interrupted leave it.
    FUNCTIONS = {
      tasker_abi_version: [[], :uint32],
      tasker_abi_check: [%i[uint32 uint32 uint32], :int32],
      tasker_version: [[], :string],
      tasker_status_name: [[:int32], :string],
      tasker_buf_free: [[:pointer], :void],
      tasker_live_buffers: [[], :int64],
      tasker_process_state: [[], :uint32],
      tasker_signals_harden: [[:uint32], :int32],
      tasker_log_poll: [%i[int32 int32 pointer], :int32, :waits],
      tasker_log_fd: [[], :int32],
      tasker_log_write: [[:int32, *input], :int32],
      tasker_set_log_callback: [%i[pointer pointer], :int32],
      tasker_worker_new: [[*input, :int32, :pointer, :pointer], :int32, :waits],
      tasker_worker_register: [[:uint64, *input, :pointer], :int32, :waits],
      tasker_worker_start: [%i[uint64 pointer], :int32, :waits],
      tasker_worker_status: [%i[uint64 pointer], :int32],
      tasker_worker_drain: [[:uint64], :int32, :waits],
      tasker_worker_stop: [%i[uint64 int32 pointer], :int32, :waits],
      tasker_worker_free: [[:uint64], :int32, :waits],
      tasker_poll: [%i[uint64 int32 uint32 int32 pointer], :int32, :waits],
      tasker_wake: [[:uint64], :int32],
      tasker_event_fd: [[:uint64], :int32],
      tasker_complete: [[:uint64, :uint64, *input, :int32, :pointer], :int32, :waits],
      tasker_complete_batch: [%i[uint64 pointer pointer pointer pointer size_t pointer], :int32],
      tasker_checkpoint: [[:uint64, :uint64, *input, :int32, :pointer], :int32, :waits],
      tasker_heartbeat: [[:uint64, :uint64, *input, :pointer], :int32],
      tasker_release: [[:uint64, :uint64, *input, :pointer], :int32],
      tasker_client_new: [[*input, :int32, :pointer, :pointer], :int32, :waits],
      tasker_client_free: [[:uint64], :int32, :waits],
      tasker_call: [[:uint64, *input, *input, :int32, :pointer], :int32, :waits],
      tasker_call_async: [[:uint64, :uint64, *input, *input, :int32, :pointer], :int32],
      tasker_call_cancel: [%i[uint64 uint64], :int32]
    }.freeze

    # Those that may wait but need not. With a timeout of 0 they answer at once, and their `_nb` twins keep the lock.
    TWINS = %i[tasker_poll tasker_log_poll tasker_complete].freeze
  end
end
