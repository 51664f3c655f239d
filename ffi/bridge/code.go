package bridge

import "strconv"

// Code is a result code of the C interface: zero and above are outcomes, below are errors.
type Code int32

// The codes of include/tasker.h.
const (
	OK          Code = 0
	Timeout     Code = 1
	Closed      Code = 2
	Interrupted Code = 3
	Pending     Code = 4

	EInvalid     Code = -1
	EHandle      Code = -2
	EForked      Code = -3
	EABI         Code = -4
	EState       Code = -5
	EEncoding    Code = -6
	ETooLarge    Code = -7
	EStaleToken  Code = -8
	EUnsupported Code = -9

	EBusy      Code = -20
	ECancelled Code = -21
	EDeadline  Code = -22
	EConfig    Code = -23
	EDatabase  Code = -24
	ENotFound  Code = -25
	EConflict  Code = -26
	EDenied    Code = -27

	ENoMem    Code = -40
	EPanic    Code = -41
	EInternal Code = -42
)

// String is the name that tasker_status_name gives.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "UNKNOWN(" + strconv.Itoa(int(c)) + ")"
}

var codeNames = map[Code]string{
	OK: "OK", Timeout: "TIMEOUT", Closed: "CLOSED", Interrupted: "INTERRUPTED", Pending: "PENDING",
	EInvalid: "E_INVALID", EHandle: "E_HANDLE", EForked: "E_FORKED", EABI: "E_ABI", EState: "E_STATE", EEncoding: "E_ENCODING",
	ETooLarge: "E_TOO_LARGE", EStaleToken: "E_STALE_TOKEN", EUnsupported: "E_UNSUPPORTED",
	EBusy: "E_BUSY", ECancelled: "E_CANCELLED", EDeadline: "E_DEADLINE", EConfig: "E_CONFIG", EDatabase: "E_DATABASE",
	ENotFound: "E_NOT_FOUND", EConflict: "E_CONFLICT", EDenied: "E_DENIED",
	ENoMem: "E_NOMEM", EPanic: "E_PANIC", EInternal: "E_INTERNAL",
}

// retryable codes may go away by themselves.
func (c Code) retryable() bool {
	return c == EBusy || c == EDeadline || c == EDatabase || c == ENoMem
}
