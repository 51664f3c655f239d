package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

const goodRequest = `{"name":"order","namespace":"shop","version":"1.0.0","context":{}}`

func stopping(yes bool) func(context.Context) error {
	return func(context.Context) error {
		if yes {
			return errors.New("the process is stopping")
		}
		return nil
	}
}

func TestEachFailureHasItsCode(t *testing.T) {
	t.Parallel()
	task := "/v1/tasks/" + fakeTask.String()
	sql := func(code string) error {
		return fmt.Errorf("read task: %w", &pgconn.PgError{Code: code, Message: "CANARY_sql select secret from tasker.tasks"})
	}
	for name, tt := range map[string]struct {
		err            error
		method, target string
		status         int
		code           string
		message        string
		retryAfter     string
	}{
		"an unknown route":        {nil, "GET", "/v2/tasks", 404, client.CodeNotFound, "there is no GET /v2/tasks", ""},
		"a path of no route":      {nil, "GET", "/v1/templates/shop", 404, client.CodeNotFound, "there is no GET /v1/templates/shop", ""},
		"a method not taken":      {nil, "PUT", "/v1/tasks", 405, client.CodeMethodNotAllowed, "/v1/tasks takes GET, POST, not PUT", ""},
		"no UUID":                 {nil, "GET", "/v1/tasks/7", 400, client.CodeInvalidUUID, `task "7" is not a UUID`, ""},
		"a UUID in braces":        {nil, "GET", "/v1/tasks/{" + fakeTask.String() + "}", 400, client.CodeInvalidUUID, "is not a UUID", ""},
		"no UUID to cancel":       {nil, "DELETE", "/v1/tasks/x", 400, client.CodeInvalidUUID, "is not a UUID", ""},
		"no UUID of steps":        {nil, "GET", "/v1/tasks/x/workflow_steps", 400, client.CodeInvalidUUID, `task "x" is not a UUID`, ""},
		"no UUID of a step":       {nil, "GET", task + "/workflow_steps/x", 400, client.CodeInvalidUUID, `step "x" is not a UUID`, ""},
		"an unknown task":         {nil, "GET", "/v1/tasks/" + fakeCorrelation.String(), 404, client.CodeNotFound, "there is no task " + fakeCorrelation.String(), ""},
		"an unknown step":         {nil, "GET", task + "/workflow_steps/" + sdk.StepUUID(fakeTask, 9).String(), 404, client.CodeNotFound, "has no step", ""},
		"steps of no task":        {store.ErrNotFound, "GET", task + "/workflow_steps", 404, client.CodeNotFound, "there is no task", ""},
		"an unknown template":     {nil, "GET", "/v1/templates/shop/odrer/1.0.0", 404, client.CodeNotFound, "there is no template shop/odrer/1.0.0; did you mean shop/order/1.0.0?", ""},
		"a template far off":      {nil, "GET", "/v1/templates/x/y/z", 404, client.CodeNotFound, "there is no template x/y/z; GET /v1/templates lists those there are", ""},
		"a task that has ended":   {fmt.Errorf("cancel: %w", store.ErrConflict), "DELETE", task, 400, client.CodeBadRequest, "cannot be cancelled: it is complete already", ""},
		"no task to cancel":       {store.ErrNotFound, "DELETE", task, 404, client.CodeNotFound, "there is no task", ""},
		"too much to read":        {store.ErrTooLarge, "GET", task + "/workflow_steps", 413, client.CodePayloadTooLarge, "64 MiB", ""},
		"too much on a page":      {store.ErrTooLarge, "GET", "/v1/tasks", 413, client.CodePayloadTooLarge, "64 MiB", ""},
		"the database is away":    {&pgconn.ConnectError{}, "GET", task, 503, client.CodeServiceUnavailable, "try again", "2"},
		"it is shutting down":     {sql("57P01"), "GET", "/v1/tasks", 503, client.CodeServiceUnavailable, "try again", "2"},
		"it is busy":              {sql("55P03"), "DELETE", task, 503, client.CodeServiceUnavailable, "try again", "2"},
		"it refuses the data":     {sql("22P05"), "GET", "/v1/tasks?name=x", 400, client.CodeBadRequest, "cannot store", ""},
		"our SQL is wrong":        {sql("42703"), "GET", "/v1/templates", 500, client.CodeDatabaseError, "its log says why, under request r-1", ""},
		"anything else":           {errors.New("CANARY_internal"), "GET", task + "/workflow_steps/" + sdk.StepUUID(fakeTask, 1).String(), 500, client.CodeInternalError, "its log says why, under request r-1", ""},
		"of a template":           {errors.New("CANARY_internal"), "GET", "/v1/templates/shop/order/1.0.0", 500, client.CodeInternalError, "request r-1", ""},
		"a page before the first": {nil, "GET", "/v1/tasks?page=0", 400, client.CodeBadRequest, `page "0" is not a number from 1 to 10000000`, ""},
		"a page too large": {nil, "GET", "/v1/tasks?per_page=101&page=x&status=done", 400, client.CodeBadRequest,
			`page "x" is not a number from 1 to 10000000; per_page "101" is not a number from 1 to 100; status "done" is not one of pending, initializing, `, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.store.err = tt.err
			w := f.ask(t, tt.method, tt.target, "", func(r *http.Request) { r.Header.Set("X-Request-ID", "r-1") })
			message := refused(t, w, tt.status, tt.code)
			require.Contains(t, message, tt.message)
			require.NotContains(t, message, "CANARY")
			require.Equal(t, tt.retryAfter, w.Header().Get("Retry-After"))
			require.Equal(t, "r-1", w.Header().Get("X-Request-ID"))
			if tt.status >= 500 {
				require.Contains(t, f.log.String(), "request_id=r-1")
				require.Contains(t, f.log.String(), "level=ERROR")
			}
			if tt.status == 405 {
				require.Equal(t, "GET, POST", w.Header().Get("Allow"))
			}
		})
	}
}

func TestEachFailureToMakeATaskHasItsCode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err     error
		status  int
		code    string
		message string
	}{
		"an invalid request":   {fmt.Errorf("x: %w", &orchestration.RequestError{Problems: []string{"b is bad", "a is bad"}}), 400, client.CodeBadRequest, "a is bad; b is bad"},
		"an unknown template":  {fmt.Errorf("read template: %w", store.ErrNotFound), 404, client.CodeNotFound, "there is no template shop/odrer/1.0.0; did you mean shop/order/1.0.0?"},
		"the database is away": {fmt.Errorf("create task: %w", &pgconn.ConnectError{}), 503, client.CodeServiceUnavailable, "try again"},
		"a bug":                {errors.New("CANARY_internal"), 500, client.CodeInternalError, "its log says why"},
	} {
		f := newFixture()
		f.requests.err = tt.err
		w := f.ask(t, http.MethodPost, "/v1/tasks", strings.Replace(goodRequest, "order", "odrer", 1), nil)
		require.Contains(t, refused(t, w, tt.status, tt.code), tt.message, name)
	}
	f := newFixture()
	f.requests.hook = func(context.Context) { panic("CANARY_panic") }
	w := f.ask(t, http.MethodPost, "/v1/tasks", goodRequest, nil)
	require.NotContains(t, refused(t, w, 500, client.CodeInternalError), "CANARY")
}

func TestTheDatabaseMayGoAwayWhileATemplateIsLookedFor(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.requests.err, f.store.err = store.ErrNotFound, &pgconn.ConnectError{}
	refused(t, f.ask(t, http.MethodPost, "/v1/tasks", goodRequest, nil), 503, client.CodeServiceUnavailable)
}

func TestARequestThatTakesTooLongIsAnswered(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.deps.Config.RequestTimeout = time.Millisecond
	f.requests.hook = func(ctx context.Context) { <-ctx.Done() }
	f.requests.err = context.DeadlineExceeded
	message := refused(t, f.ask(t, http.MethodPost, "/v1/tasks", goodRequest, nil), 408, client.CodeTimeout)
	require.Equal(t, "no answer within 1ms; a change that was asked for may still happen", message)
}
