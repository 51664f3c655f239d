# frozen_string_literal: true

module TaskerCore
  module Native
    # What the functions of the library return: outcomes are positive, errors negative.
    module Status
      OK = 0
      TIMEOUT = 1
      CLOSED = 2
      INTERRUPTED = 3
      PENDING = 4
      E_INVALID = -1
      E_HANDLE = -2
      E_FORKED = -3
      E_ABI = -4
      E_STATE = -5
      E_ENCODING = -6
      E_TOO_LARGE = -7
      E_STALE_TOKEN = -8
      E_UNSUPPORTED = -9
      E_BUSY = -20
      E_CANCELLED = -21
      E_DEADLINE = -22
      E_CONFIG = -23
      E_DATABASE = -24
      E_NOT_FOUND = -25
      E_CONFLICT = -26
      E_DENIED = -27
      E_NOMEM = -40
      E_PANIC = -41
      E_INTERNAL = -42
    end

    # The bits of `tasker_process_state`.
    module ProcessState
      FORKED = 1
      GO_STARTED = 2
      SEGV_NOT_GO = 4
      HANDLERS_NO_ONSTACK = 8
      OTHER_GO_RUNTIME = 16
      MUSL = 32
    end

    # What a frame holds. Readers skip types that they do not know.
    module FrameType
      STEP = 1
      CANCEL = 2
      RESPONSE = 3
      DOMAIN_EVENT = 4
      SHUTDOWN = 5
      LOG = 6
      DROPPED = 7
    end
  end
end
