package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// Pages of dead letters.
const (
	defaultLetters        = 50
	defaultInvestigations = 100
	maxLetters            = 1000
)

func (a *api) listDLQ(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	var problems []string
	status := store.DLQStatus(q.Get("resolution_status"))
	if status != "" && !slices.Contains(store.DLQStatuses, status) {
		problems = append(problems, unknownStatus(string(status)))
	}
	limit, offset := number(q, "limit", defaultLetters, maxLetters, &problems), offset(q, &problems)
	if len(problems) > 0 {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", strings.Join(problems, "; "))
	}
	letters, err := a.Store.DeadLetters(r.Context(), status, limit, offset)
	if err != nil {
		return nil, err
	}
	list := []client.DLQEntry{}
	for i := range letters {
		list = append(list, dlqEntry(&letters[i]))
	}
	return list, nil
}

func unknownStatus(word string) string {
	var words []string
	for _, s := range store.DLQStatuses {
		words = append(words, string(s))
	}
	return "resolution_status " + strconv.Quote(word) + " is not one of " + strings.Join(words, ", ")
}

// offset reads a query parameter from 0.
func offset(q url.Values, problems *[]string) int {
	if text := q.Get("offset"); text != "" && text != "0" {
		return number(q, "offset", 0, maxPage, problems)
	}
	return 0
}

func dlqEntry(l *store.DeadLetter) client.DLQEntry {
	return client.DLQEntry{
		DLQEntryUUID: l.ID, TaskUUID: l.TaskUUID, OriginalState: string(l.OriginalState), DLQReason: string(l.Reason), DLQTimestamp: zoneless(l.At),
		ResolutionStatus: string(l.Status), ResolutionTimestamp: naive(l.ResolvedAt), ResolutionNotes: l.Notes, ResolvedBy: l.ResolvedBy,
		TaskSnapshot: l.Snapshot, Metadata: l.Metadata, CreatedAt: zoneless(l.CreatedAt), UpdatedAt: zoneless(l.UpdatedAt),
	}
}

func zoneless(t time.Time) client.NaiveTime { return client.NaiveTime{Timestamp: sdk.At(t)} }

func (a *api) getDLQ(_ http.ResponseWriter, r *http.Request) (any, error) {
	task, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	l, err := a.Store.DeadLetterOf(r.Context(), task)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, client.CodeNotFound, "task %s has no dead letter", task)
	}
	return dlqEntry(&l), err
}

func (a *api) addDLQ(w http.ResponseWriter, r *http.Request) (any, error) {
	task, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	body, err := a.decodeDecision(w, r)
	if err != nil {
		return nil, err
	}
	err = a.Store.AddDeadLetter(r.Context(), task, body.RequestedBy, body.Reason)
	if errors.Is(err, store.ErrConflict) {
		return nil, conflict(err)
	}
	if err != nil {
		return nil, noTask(task, err)
	}
	return a.getDLQ(w, r)
}

// decodeDecision reads who decides about a dead letter, and why.
func (a *api) decodeDecision(w http.ResponseWriter, r *http.Request) (body client.DLQRequeue, err error) {
	if err := a.decode(w, r, &body); err != nil {
		return body, err
	}
	if strings.TrimSpace(body.RequestedBy) == "" || strings.TrimSpace(body.Reason) == "" {
		return body, refuse(http.StatusBadRequest, client.CodeBadRequest, "requested_by and reason are required")
	}
	return body, nil
}

func (a *api) updateDLQ(w http.ResponseWriter, r *http.Request) (any, error) {
	var body client.DLQUpdate
	if err := a.decode(w, r, &body); err != nil {
		return nil, err
	}
	u := store.DeadLetterUpdate{Notes: body.ResolutionNotes, ResolvedBy: body.ResolvedBy, Metadata: body.Metadata}
	if s := body.ResolutionStatus; s != nil {
		status := store.DLQStatus(*s)
		if !slices.Contains(store.DLQStatuses, status) {
			return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", unknownStatus(*s))
		}
		u.Status = &status
	}
	return a.changeDLQ(r, func(id [16]byte) error { return a.Store.UpdateDeadLetter(r.Context(), id, u) })
}

func (a *api) requeueDLQ(w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := a.decodeDecision(w, r)
	if err != nil {
		return nil, err
	}
	return a.changeDLQ(r, func(id [16]byte) error {
		_, err := a.Store.RequeueDeadLetter(r.Context(), id, body.RequestedBy, body.Reason)
		return err
	})
}

// changeDLQ changes the entry of the path, and answers with it.
func (a *api) changeDLQ(r *http.Request, change func(id [16]byte) error) (any, error) {
	id, err := pathUUID(r, "entry")
	if err != nil {
		return nil, err
	}
	err = change(id)
	if errors.Is(err, store.ErrConflict) {
		return nil, conflict(err)
	}
	if err == nil {
		var l store.DeadLetter
		if l, err = a.Store.DeadLetter(r.Context(), id); err == nil {
			return dlqEntry(&l), nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, client.CodeNotFound, "there is no dead letter %s", id)
	}
	return nil, err
}

func (a *api) statsDLQ(_ http.ResponseWriter, r *http.Request) (any, error) {
	stats, err := a.Store.DLQStats(r.Context())
	if err != nil {
		return nil, err
	}
	list := []client.DLQStats{}
	for _, s := range stats {
		list = append(list, client.DLQStats{
			DLQReason: string(s.Reason), TotalEntries: s.Total, Pending: s.Pending, ManuallyResolved: s.Resolved,
			PermanentFailures: s.PermanentFailures, Cancelled: s.Canceled, OldestEntry: naive(s.Oldest), NewestEntry: naive(s.Newest),
			AvgResolutionTimeMinutes: (*client.Float)(s.AverageMinutes),
		})
	}
	return list, nil
}

func (a *api) investigations(_ http.ResponseWriter, r *http.Request) (any, error) {
	var problems []string
	limit := number(r.URL.Query(), "limit", defaultInvestigations, maxLetters, &problems)
	if len(problems) > 0 {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", problems[0])
	}
	queue, err := a.Store.Investigations(r.Context(), limit)
	if err != nil {
		return nil, err
	}
	list := []client.DLQInvestigation{}
	for i := range queue {
		q := &queue[i]
		state := string(q.State)
		list = append(list, client.DLQInvestigation{
			DLQEntryUUID: q.ID, TaskUUID: q.TaskUUID, OriginalState: string(q.OriginalState), DLQReason: string(q.Reason), DLQTimestamp: zoneless(q.At),
			MinutesInDLQ: client.Float(q.Minutes), NamespaceName: &q.Namespace, TaskName: &q.TaskName, CurrentState: &state,
			TimeInStateMinutes: &q.MinutesInState, PriorityScore: client.Float(q.Score),
		})
	}
	return list, nil
}

func (a *api) staleness(_ http.ResponseWriter, r *http.Request) (any, error) {
	var problems []string
	limit := number(r.URL.Query(), "limit", defaultInvestigations, maxLetters, &problems)
	if len(problems) > 0 {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", problems[0])
	}
	tasks, err := a.Store.OpenTasks(r.Context(), a.Config.Staleness, limit)
	if err != nil {
		return nil, err
	}
	list := []client.StalenessMonitoring{}
	for i := range tasks {
		t := &tasks[i]
		list = append(list, client.StalenessMonitoring{
			TaskUUID: t.TaskUUID, NamespaceName: &t.Namespace, TaskName: &t.Name, CurrentState: string(t.Waiting),
			TimeInStateMinutes: minutes(t.TimeInState), TaskAgeMinutes: minutes(t.Age), StalenessThresholdMinutes: minutes(t.Threshold),
			HealthStatus: stalenessHealth(t), Priority: t.Priority,
		})
	}
	return list, nil
}

func minutes(d time.Duration) int32 { return int32(min(d.Minutes(), 1e9)) }

// stalenessHealth warns from four fifths of the threshold.
func stalenessHealth(t *store.OpenTask) string {
	switch {
	case t.Stale():
		return "stale"
	case t.TimeInState > t.Threshold/5*4:
		return "warning"
	}
	return "healthy"
}
