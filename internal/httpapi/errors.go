package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// refusal is an error that is the client's to read, word for word.
type refusal struct {
	status        int
	code, message string
	retryAfter    int // seconds; 0 says nothing
}

func (e *refusal) Error() string { return e.message }

func refuse(status int, code, format string, args ...any) error {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// databaseRetryAfter is how many seconds a client shall wait while the database is away.
const databaseRetryAfter = 2

// fail answers with an error. What the client is not to read is logged under the request's id.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := a.explain(r, err)
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	if e.status >= http.StatusInternalServerError {
		a.Logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "request_id", requestID(r), "error", err)
	}
	_ = write(w, e.status, client.ErrorResponse{Error: client.ErrorDetail{Code: e.code, Message: e.message}}) // two strings encode
}

// explain finds the answer for an error.
func (a *api) explain(r *http.Request, err error) *refusal {
	var own *refusal
	var invalid *orchestration.RequestError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &invalid):
		problems := slices.Sorted(slices.Values(invalid.Problems))
		return &refusal{status: http.StatusBadRequest, code: client.CodeBadRequest, message: strings.Join(problems, "; ")}
	case errors.Is(err, store.ErrNotFound):
		return &refusal{status: http.StatusNotFound, code: client.CodeNotFound, message: "there is no such thing"}
	case errors.Is(err, orchestration.ErrStopping):
		return &refusal{status: http.StatusServiceUnavailable, code: client.CodeServiceUnavailable, retryAfter: databaseRetryAfter,
			message: "the server is stopping; another one, or this one once it is back, will take the request"}
	case errors.Is(err, store.ErrTooLarge):
		return &refusal{status: http.StatusRequestEntityTooLarge, code: client.CodePayloadTooLarge,
			message: "the answer is more than 64 MiB: ask for single steps, or for fewer tasks on a page"}
	case r.Context().Err() != nil:
		return &refusal{status: http.StatusRequestTimeout, code: client.CodeTimeout,
			message: fmt.Sprintf("no answer within %s; a change that was asked for may still happen", a.Config.RequestTimeout)}
	}
	switch store.Classify(err) {
	case store.RemedyReconnect, store.RemedyRetry:
		return &refusal{status: http.StatusServiceUnavailable, code: client.CodeServiceUnavailable, retryAfter: databaseRetryAfter,
			message: "the database is away or busy; try again"}
	case store.RemedyRefuse:
		return &refusal{status: http.StatusBadRequest, code: client.CodeBadRequest, message: "the database cannot store this request"}
	case store.RemedyStop:
		return &refusal{status: http.StatusInternalServerError, code: client.CodeDatabaseError, message: a.logged(r)}
	}
	return &refusal{status: http.StatusInternalServerError, code: client.CodeInternalError, message: a.logged(r)}
}

func (a *api) logged(r *http.Request) string {
	return "the server failed; its log says why, under request " + requestID(r)
}
