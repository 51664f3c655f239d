package event

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), testdb.New(t).DSN(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// read returns the events of a namespace's queue, decoded.
func read(t *testing.T, s *store.Store, namespace string) (events []DomainEvent) {
	t.Helper()
	rows, err := s.ReadDomainEvents(t.Context(), namespace, 0, store.MaxDomainEventsRead)
	require.NoError(t, err)
	for _, row := range rows {
		var e DomainEvent
		require.NoError(t, json.Unmarshal(row.Body, &e))
		require.Equal(t, row.EventID, e.EventID)
		require.Equal(t, row.Name, e.EventName)
		events = append(events, e)
	}
	return events
}

func TestEventsSurviveInTheQueueOfTheirNamespace(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	e := named("order.paid")
	e.Payload.Payload = json.RawMessage(`{"total":12.5,"note":"ünïcode <&>"}`)
	require.NoError(t, NewStorePublisher(s).Publish(t.Context(), "shop", []DomainEvent{e, named("order.sent")}))
	events := read(t, s, "shop")
	require.Equal(t, []string{"order.paid", "order.sent"}, names(events))
	require.JSONEq(t, string(e.Payload.Payload), string(events[0].Payload.Payload))
	require.Empty(t, read(t, s, "mail"))
}

func TestAnEventTheDatabaseCannotHoldDoesNotKeepBackTheOthers(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	zero, unwritable := named("order.zero"), named("order.unwritable")
	zero.Payload.Payload = json.RawMessage(`{"text":"\u0000"}`)
	unwritable.Metadata.Additional = map[string]any{"callback": func() {}}
	err := NewStorePublisher(s).Publish(t.Context(), "shop", []DomainEvent{named("order.paid"), zero, unwritable, named("order.sent")})
	var partial *PartialPublishError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Failed, 2)
	require.ErrorContains(t, partial.Failed[zero.EventID], "Unicode")
	require.ErrorContains(t, partial.Failed[unwritable.EventID], "encode domain event order.unwritable")
	require.ErrorContains(t, err, "2 domain events were not published")
	require.Equal(t, []string{"order.paid", "order.sent"}, names(read(t, s, "shop")))
}

// flakyStore fails its first calls with an error of the database.
type flakyStore struct {
	code     string
	failures int
	calls    []time.Time
}

func (s *flakyStore) PublishDomainEvents(context.Context, string, []store.DomainEvent) error {
	s.calls = append(s.calls, time.Now())
	if len(s.calls) <= s.failures {
		return fmt.Errorf("publish: %w", &pgconn.PgError{Code: s.code, Message: "not now"})
	}
	return nil
}

func TestABatchIsTriedAgainWhenTheFailureMayPass(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code     string
		failures int
		calls    int
		elapsed  time.Duration
		ok       bool
	}{
		"nothing fails":                {"", 0, 1, 0, true},
		"a lock was not had in time":   {"55P03", 1, 2, 50 * time.Millisecond, true},
		"the server restarts":          {"57P01", 3, 4, 1300 * time.Millisecond, true},
		"the server stays away":        {"57P01", 9, 4, 1300 * time.Millisecond, false},
		"the table is missing":         {"42P01", 9, 1, 0, false},
		"the event cannot be stored":   {"22P05", 9, 2, 0, false}, // in the batch, then alone
		"the disk is full for a while": {"53100", 2, 3, 300 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &flakyStore{code: tt.code, failures: tt.failures}
				err := (&StorePublisher{s}).Publish(t.Context(), "shop", []DomainEvent{named("order.paid")})
				require.Equal(t, tt.ok, err == nil, "error: %v", err)
				require.Len(t, s.calls, tt.calls)
				require.Equal(t, tt.elapsed, s.calls[len(s.calls)-1].Sub(s.calls[0]))
			})
		})
	}
}

func TestRetriesEndWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		s := &flakyStore{code: "57P01", failures: 9}
		err := (&StorePublisher{s}).Publish(ctx, "shop", []DomainEvent{named("order.paid")})
		require.ErrorContains(t, err, "not now")
		require.Len(t, s.calls, 2)
	})
}

func TestNothingToPublishAsksNothingOfTheStore(t *testing.T) {
	t.Parallel()
	s := &flakyStore{}
	require.NoError(t, (&StorePublisher{s}).Publish(t.Context(), "shop", nil))
	require.Empty(t, s.calls)
}
