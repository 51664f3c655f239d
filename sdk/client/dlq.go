package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tasker-systems/tasker-go/sdk"
)

// The states of an investigation.
const (
	DLQPending           = "pending"
	DLQManuallyResolved  = "manually_resolved"
	DLQPermanentlyFailed = "permanently_failed"
	DLQCancelled         = "cancelled"
)

// DLQEntry is a dead letter: a task that needs somebody to look at it. The task keeps its own state.
type DLQEntry struct {
	DLQEntryUUID  sdk.UUID `json:"dlq_entry_uuid"`
	TaskUUID      sdk.UUID `json:"task_uuid"`
	OriginalState string   `json:"original_state"`
	// DLQReason is staleness_timeout, max_retries_exceeded, dependency_cycle_detected, worker_unavailable, manual_dlq or,
	// which is ours, permanent_failure.
	DLQReason    string    `json:"dlq_reason"`
	DLQTimestamp NaiveTime `json:"dlq_timestamp"`
	// ResolutionStatus is one of the DLQ values.
	ResolutionStatus    string     `json:"resolution_status"`
	ResolutionTimestamp *NaiveTime `json:"resolution_timestamp"`
	ResolutionNotes     *string    `json:"resolution_notes"`
	ResolvedBy          *string    `json:"resolved_by"`
	// TaskSnapshot is the task as it was then.
	TaskSnapshot json.RawMessage `json:"task_snapshot"`
	Metadata     json.RawMessage `json:"metadata"`
	CreatedAt    NaiveTime       `json:"created_at"`
	UpdatedAt    NaiveTime       `json:"updated_at"`
}

// DLQUpdate is what an investigator changes; what is left out stays.
type DLQUpdate struct {
	ResolutionStatus *string         `json:"resolution_status,omitempty"`
	ResolutionNotes  *string         `json:"resolution_notes,omitempty"`
	ResolvedBy       *string         `json:"resolved_by,omitempty"`
	Metadata         json.RawMessage `json:"metadata,omitempty"`
}

// DLQStats counts the entries of one reason.
type DLQStats struct {
	DLQReason                string     `json:"dlq_reason"`
	TotalEntries             int64      `json:"total_entries"`
	Pending                  int64      `json:"pending"`
	ManuallyResolved         int64      `json:"manually_resolved"`
	PermanentFailures        int64      `json:"permanent_failures"`
	Cancelled                int64      `json:"cancelled"`
	OldestEntry              *NaiveTime `json:"oldest_entry"`
	NewestEntry              *NaiveTime `json:"newest_entry"`
	AvgResolutionTimeMinutes *Float     `json:"avg_resolution_time_minutes"`
}

// DLQInvestigation is a pending entry with what its task does now.
type DLQInvestigation struct {
	DLQEntryUUID       sdk.UUID  `json:"dlq_entry_uuid"`
	TaskUUID           sdk.UUID  `json:"task_uuid"`
	OriginalState      string    `json:"original_state"`
	DLQReason          string    `json:"dlq_reason"`
	DLQTimestamp       NaiveTime `json:"dlq_timestamp"`
	MinutesInDLQ       Float     `json:"minutes_in_dlq"`
	NamespaceName      *string   `json:"namespace_name"`
	TaskName           *string   `json:"task_name"`
	CurrentState       *string   `json:"current_state"`
	TimeInStateMinutes *int32    `json:"time_in_state_minutes"`
	// PriorityScore says what to look at first: the highest.
	PriorityScore Float `json:"priority_score"`
}

// StalenessMonitoring tells how long an open task has not moved.
type StalenessMonitoring struct {
	TaskUUID                  sdk.UUID `json:"task_uuid"`
	NamespaceName             *string  `json:"namespace_name"`
	TaskName                  *string  `json:"task_name"`
	CurrentState              string   `json:"current_state"`
	TimeInStateMinutes        int32    `json:"time_in_state_minutes"`
	TaskAgeMinutes            int32    `json:"task_age_minutes"`
	StalenessThresholdMinutes int32    `json:"staleness_threshold_minutes"`
	// HealthStatus is healthy, warning from 80 % of the threshold, or stale.
	HealthStatus string `json:"health_status"`
	Priority     int32  `json:"priority"`
}

// DLQRequeue says who enters a task among the dead letters, or sends it on its way again, and why.
type DLQRequeue struct {
	RequestedBy string `json:"requested_by"`
	Reason      string `json:"reason"`
}

// ListDLQ lists entries, newest first: those in a state or, with "", all. A limit of 0 is the server's 50.
func (c *Client) ListDLQ(ctx context.Context, status string, limit, offset int) ([]DLQEntry, error) {
	q := url.Values{}
	if status != "" {
		q.Set("resolution_status", status)
	}
	return fetch[[]DLQEntry](ctx, c, "/v1/dlq", paged(q, limit, offset))
}

// GetDLQEntry reads the latest entry of a task.
func (c *Client) GetDLQEntry(ctx context.Context, task sdk.UUID) (*DLQEntry, error) {
	e, err := fetch[DLQEntry](ctx, c, "/v1/dlq/task/"+task.String(), nil)
	if err != nil {
		return nil, err
	}
	return &e, nil
}

// AddDLQEntry enters a task among the dead letters by hand, for others to look into.
func (c *Client) AddDLQEntry(ctx context.Context, task sdk.UUID, r DLQRequeue) (*DLQEntry, error) {
	var e DLQEntry
	if err := c.do(ctx, &call{method: http.MethodPost, path: "/v1/dlq/task/" + task.String(), body: r, once: true}, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

// UpdateDLQEntry records how far an investigation is.
func (c *Client) UpdateDLQEntry(ctx context.Context, entry sdk.UUID, u DLQUpdate) (*DLQEntry, error) {
	var e DLQEntry
	if err := c.do(ctx, &call{method: http.MethodPatch, path: "/v1/dlq/entry/" + entry.String(), body: u}, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

// RequeueDLQEntry resets all failed steps of the entry's task, and marks the entry as resolved.
func (c *Client) RequeueDLQEntry(ctx context.Context, entry sdk.UUID, r DLQRequeue) (*DLQEntry, error) {
	var e DLQEntry
	if err := c.do(ctx, &call{method: http.MethodPost, path: "/v1/dlq/entry/" + entry.String() + "/requeue", body: r, once: true}, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

// DLQStats counts entries by their reasons.
func (c *Client) DLQStats(ctx context.Context) ([]DLQStats, error) {
	return fetch[[]DLQStats](ctx, c, "/v1/dlq/stats", nil)
}

// DLQInvestigations lists pending entries, what to look at first at the head. A limit of 0 is the server's 100.
func (c *Client) DLQInvestigations(ctx context.Context, limit int) ([]DLQInvestigation, error) {
	return fetch[[]DLQInvestigation](ctx, c, "/v1/dlq/investigation-queue", paged(url.Values{}, limit, 0))
}

// Staleness lists open tasks, those nearest to being stale first. A limit of 0 is the server's 100.
func (c *Client) Staleness(ctx context.Context, limit int) ([]StalenessMonitoring, error) {
	return fetch[[]StalenessMonitoring](ctx, c, "/v1/dlq/staleness", paged(url.Values{}, limit, 0))
}

func paged(q url.Values, limit, offset int) url.Values {
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	if offset > 0 {
		q.Set("offset", strconv.Itoa(offset))
	}
	return q
}

func fetch[T any](ctx context.Context, c *Client, path string, q url.Values) (out T, err error) {
	err = c.do(ctx, &call{method: http.MethodGet, path: path, query: q}, &out)
	return out, err
}
