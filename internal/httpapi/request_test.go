package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func TestATaskIsMadeAsAsked(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := f.ask(t, http.MethodPost, "/v1/tasks", `{"name":"order","namespace":"shop","version":"1.0.0","context":{"n":9007199254740993},
		"initiator":"ada","source_system":"web","reason":"test","tags":["eu"],"requested_at":"2026-01-31T12:00:00","options":{"x":1},"priority":-7,
		"correlation_id":"`+fakeCorrelation.String()+`","parent_correlation_id":"`+fakeTask.String()+`","idempotency_key":"k"}`, nil)
	require.Equal(t, http.StatusOK, w.Code)
	golden(t, "task", w.Body.Bytes())
	require.NotContains(t, w.Header(), "Idempotent-Replayed")
	priority, parent := int32(-7), fakeTask
	require.Equal(t, sdk.TaskRequest{
		Name: "order", Namespace: "shop", Version: "1.0.0", Context: json.RawMessage(`{"n":9007199254740993}`),
		Initiator: "ada", SourceSystem: "web", Reason: "test", Tags: []string{"eu"},
		RequestedAt: &sdk.Timestamp{Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}, Options: map[string]json.RawMessage{"x": json.RawMessage("1")},
		Priority: &priority, CorrelationID: fakeCorrelation, ParentCorrelationID: &parent, IdempotencyKey: "k",
	}, f.requests.got)

	f.requests.existing = true
	w = f.ask(t, http.MethodPost, "/v1/tasks", goodRequest, nil)
	require.Equal(t, "true", w.Header().Get("Idempotent-Replayed"))
	require.Equal(t, []string{"system", "tasker-core", "Task requested"}, []string{f.requests.got.Initiator, f.requests.got.SourceSystem, f.requests.got.Reason})
}

func TestAllThatIsWrongWithARequestIsNamed(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{}`:   "name is required; namespace is required; version is required; context is required",
		`[]`:   "a task request is a JSON object",
		`null`: "a task request is a JSON object",
		`{"nmae":"order","namespace":"shop","version":"1.0.0","context":{}}`:                        `unknown field "nmae", did you mean "name"?; name is required`,
		`{"name":"order","namespace":"shop","version":"1.0.0","context":{},"priorty":1,"Reason":1}`: `unknown field "Reason", did you mean "reason"?; unknown field "priorty", did you mean "priority"?`,
		`{"name":"order","namespace":"shop","version":"1.0.0","context":{},"zzzzzz":1}`:             `unknown field "zzzzzz"; a task request has context, correlation_id, idempotency_key, initiator,`,
		`{"name":7,"namespace":[],"version":"1.0.0","context":{},"priority":1.5,"tags":"eu","options":[],"requested_at":"soon","correlation_id":"x","parent_correlation_id":"x"}`: "correlation_id: invalid UUID length: 1; name: number where a string is expected; namespace: array where a string is expected; " +
			"options: array where an object is expected; parent_correlation_id: invalid UUID length: 1; priority: number 1.5 where an integer is expected; " +
			`requested_at: time "soon" is not like 2026-01-31T12:00:00Z; tags: string where a list is expected`,
	} {
		f := newFixture()
		w := f.ask(t, http.MethodPost, "/v1/tasks", body, nil)
		code := client.CodeBadRequest
		if strings.HasPrefix(want, "a task request") {
			code = client.CodeJSONError
		}
		require.Contains(t, refused(t, w, 400, code), want)
		require.Zero(t, f.requests.got)
	}
}

func TestABodyIsReadWithinItsLimits(t *testing.T) {
	t.Parallel()
	with := func(context string) string { return strings.Replace(goodRequest, "{}", context, 1) }
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, tt := range map[string]struct {
		body    string
		kind    string
		status  int
		code    string
		message string
	}{
		"no body":         {"", "application/json", 400, client.CodeJSONError, "JSON refused at byte 0"},
		"no JSON":         {"name=order", "application/json", 400, client.CodeJSONError, "JSON refused at byte 0"},
		"a NUL":           {with(`"\u0000"`), "application/json", 400, client.CodeJSONError, `\u0000 cannot be stored`},
		"too long":        {with(`"` + strings.Repeat("x", 1<<20) + `"`), "application/json", 413, client.CodePayloadTooLarge, "larger than 1048576 bytes"},
		"too deep":        {with(deep(65)), "application/json", 400, client.CodeJSONError, "nested deeper than 65 levels"},
		"just deep":       {with(deep(64)), "application/json", 200, "", ""},
		"with a charset":  {goodRequest, "application/json; charset=utf-8", 200, "", ""},
		"without a kind":  {goodRequest, "", 200, "", ""},
		"a form":          {goodRequest, "application/x-www-form-urlencoded", 415, client.CodeBadRequest, "Content-Type: application/json, not application/x-www-form-urlencoded"},
		"a text":          {goodRequest, "text/plain", 415, client.CodeBadRequest, "not text/plain"},
		"a kind of sorts": {goodRequest, ";;", 415, client.CodeBadRequest, "not ;;"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFixture().ask(t, http.MethodPost, "/v1/tasks", tt.body, func(r *http.Request) { r.Header.Set("Content-Type", tt.kind) })
			if tt.status == http.StatusOK {
				require.Equal(t, tt.status, w.Code, w.Body.String())
				return
			}
			require.Contains(t, refused(t, w, tt.status, tt.code), tt.message)
		})
	}
}

func TestAListIsPagedAndFiltered(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.ask(t, http.MethodGet, "/v1/tasks", "", nil)
	require.Equal(t, 25, f.store.filter.Limit)
	require.Zero(t, f.store.filter.Offset)
	require.Nil(t, f.store.filter.States)

	f.store.total = 21
	w := f.ask(t, http.MethodGet, "/v1/tasks?page=3&per_page=10&namespace=n&name=m&initiator=i&source_system=s&tag=a&tag=b%2Cc&status=waiting_for_retry", "", nil)
	got := f.store.filter
	require.Equal(t, []any{10, 20, "n", "m", "i", "s"}, []any{got.Limit, got.Offset, got.Namespace, got.Name, got.Initiator, got.SourceSystem})
	require.Equal(t, []string{"a", "b,c"}, got.Tags)
	require.Equal(t, []workflow.TaskState{workflow.TaskWaitingForRetry}, got.States)
	var list client.TaskListResponse
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
	require.Equal(t, client.PaginationInfo{Page: 3, PerPage: 10, TotalCount: 21, TotalPages: 3, HasPrevious: true}, list.Pagination)

	f.ask(t, http.MethodGet, "/v1/tasks?status=pending", "", nil)
	for _, s := range workflow.TaskStates {
		require.Equal(t, !s.Terminal(), slices.Contains(f.store.filter.States, s), "pending and %s", s)
		if s != workflow.TaskPending {
			f2 := newFixture()
			f2.ask(t, http.MethodGet, "/v1/tasks?status="+string(s), "", nil)
			require.Equal(t, []workflow.TaskState{s}, f2.store.filter.States)
		}
	}
}

func TestPagesAreCounted(t *testing.T) {
	t.Parallel()
	for total, want := range map[int64]client.PaginationInfo{
		0:  {Page: 1, PerPage: 10},
		1:  {Page: 1, PerPage: 10, TotalCount: 1, TotalPages: 1},
		10: {Page: 1, PerPage: 10, TotalCount: 10, TotalPages: 1},
		11: {Page: 1, PerPage: 10, TotalCount: 11, TotalPages: 2, HasNext: true},
	} {
		require.Equal(t, want, pagination(1, 10, total))
	}
}

func TestACancelSaysWhoAsked(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := f.ask(t, http.MethodDelete, "/v1/tasks/"+fakeTask.String(), "", func(r *http.Request) { r.Header.Set("X-Request-ID", "r-1") })
	golden(t, "task", w.Body.Bytes())
	require.Equal(t, []string{"api", "request r-1"}, []string{f.store.who, f.store.why})
}
