package store

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/sdk"
)

// clockSkew is how far the clock of a process that makes tasks may be behind the database's for them to be found by time.
const clockSkew = 24 * time.Hour

// firstSince is below the UUID of every task created since then: UUIDs of version 7 begin with the time, so that the primary
// key finds recent tasks. The zero time's is below all.
func firstSince(since time.Time) (first sdk.UUID) {
	if ms := since.Add(-clockSkew).UnixMilli(); !since.IsZero() && ms > 0 {
		binary.BigEndian.PutUint64(first[:8], uint64(ms)<<16)
	}
	return first
}

// orInfinity is t or, for the zero time, an infinity.
func orInfinity(t time.Time, infinity pgtype.InfinityModifier) pgtype.Timestamptz {
	if t.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: infinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: t, Valid: true}
}
