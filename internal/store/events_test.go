package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

func openEvents(t *testing.T) (*store.Store, *testdb.DB) {
	t.Helper()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s, db
}

func newEvent(name string) store.DomainEvent {
	return store.DomainEvent{EventID: sdk.NewUUID(), Name: name, Body: json.RawMessage(`{"event_name":"` + name + `"}`)}
}

func eventNames(events []store.DomainEvent) (names []string) {
	for _, e := range events {
		names = append(names, e.Name)
	}
	return names
}

func TestDomainEventsAreReadInTheOrderTheyWerePublishedIn(t *testing.T) {
	t.Parallel()
	s, _ := openEvents(t)
	first := []store.DomainEvent{newEvent("e.3"), newEvent("e.1"), newEvent("e.2")}
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", first))
	require.NoError(t, s.PublishDomainEvents(t.Context(), "mail", []store.DomainEvent{newEvent("m.1")}))
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{newEvent("e.4")}))

	page, err := s.ReadDomainEvents(t.Context(), "shop", 0, 2)
	require.NoError(t, err)
	require.Equal(t, []string{"e.3", "e.1"}, eventNames(page))
	require.Equal(t, first[0].EventID, page[0].EventID)
	require.JSONEq(t, `{"event_name":"e.3"}`, string(page[0].Body))
	require.WithinDuration(t, time.Now(), page[0].PublishedAt, time.Minute)

	page, err = s.ReadDomainEvents(t.Context(), "shop", page[1].ID, store.MaxDomainEventsRead+1)
	require.NoError(t, err)
	require.Equal(t, []string{"e.2", "e.4"}, eventNames(page))
	page, err = s.ReadDomainEvents(t.Context(), "shop", page[1].ID, 0)
	require.NoError(t, err)
	require.Empty(t, page)
	page, err = s.ReadDomainEvents(t.Context(), "mail", 0, -1)
	require.NoError(t, err)
	require.Equal(t, []string{"m.1"}, eventNames(page))
}

func TestPublishingADomainEventAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s, db := openEvents(t)
	known, fresh := newEvent("e.1"), newEvent("e.2")
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{known}))
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{known, fresh}))
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", nil))
	require.Equal(t, 2, db.Count(t, `select count(*) from tasker.domain_events`))
}

func TestABatchOfDomainEventsIsStoredWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	s, db := openEvents(t)
	bad := newEvent("e.2")
	bad.Body = json.RawMessage(`{"text":"\u0000"}`)
	err := s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{newEvent("e.1"), bad})
	require.ErrorContains(t, err, "publish 2 domain events of namespace shop")
	require.Equal(t, store.RemedyRefuse, store.Classify(err))
	require.Zero(t, db.Count(t, `select count(*) from tasker.domain_events`))
}

func TestANewDomainEventNotifiesOnceABatch(t *testing.T) {
	t.Parallel()
	s, db := openEvents(t)
	conn, err := pgx.Connect(t.Context(), db.DSN())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `listen tasker_events`)
	require.NoError(t, err)

	known := newEvent("e.1")
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{known, newEvent("e.2")}))
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{known})) // nothing new: no notice
	require.NoError(t, s.PublishDomainEvents(t.Context(), "mail", []store.DomainEvent{newEvent("m.1")}))
	for _, namespace := range []string{"shop", "mail"} {
		notice, err := conn.WaitForNotification(t.Context())
		require.NoError(t, err)
		require.Equal(t, pgconn.Notification{PID: notice.PID, Channel: "tasker_events", Payload: namespace}, *notice)
	}
}

// A reader that remembers the last id must not miss an event that was numbered earlier and committed later.
func TestAReaderThatFollowsTheIDsMissesNoDomainEvent(t *testing.T) {
	t.Parallel()
	s, _ := openEvents(t)
	const publishers, batches = 4, 40
	var publishing sync.WaitGroup
	errs := make(chan error, publishers*batches)
	for p := range publishers {
		publishing.Go(func() {
			for b := range batches {
				errs <- s.PublishDomainEvents(t.Context(), "shop",
					[]store.DomainEvent{newEvent(fmt.Sprintf("e.%d_%d_a", p, b)), newEvent(fmt.Sprintf("e.%d_%d_b", p, b))})
			}
		})
	}
	seen := map[string]bool{}
	after := int64(0)
	follow := func() {
		for {
			page, err := s.ReadDomainEvents(t.Context(), "shop", after, 7)
			require.NoError(t, err)
			if len(page) == 0 {
				return
			}
			for _, e := range page {
				require.Greater(t, e.ID, after)
				require.False(t, seen[e.Name])
				seen[e.Name], after = true, e.ID
			}
		}
	}
	for range publishers * batches {
		follow()
		require.NoError(t, <-errs)
	}
	publishing.Wait()
	follow()
	require.Len(t, seen, publishers*batches*2)
}

// The order of ids is that of commits because publishers of a namespace take turns; this one holds its turn open.
func TestDomainEventsWaitForAnEarlierPublisherOfTheirNamespaceOnly(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), store.Options{LockTimeout: 50 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	tx, err := db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), `select pg_advisory_xact_lock(hashtextextended('tasker.domain_events/shop', 0))`)
	require.NoError(t, err)

	err = s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{newEvent("e.1")})
	require.Equal(t, store.RemedyRetry, store.Classify(err), "error: %v", err)
	require.NoError(t, s.PublishDomainEvents(t.Context(), "mail", []store.DomainEvent{newEvent("m.1")}))
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, s.PublishDomainEvents(t.Context(), "shop", []store.DomainEvent{newEvent("e.1")}))
}
