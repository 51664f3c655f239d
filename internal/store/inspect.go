package store

import (
	"context"
	"fmt"
	"time"
)

// Inspection is what a database says of itself.
type Inspection struct {
	// Now is the database's time, by which all leases and timers run.
	Now           time.Time
	ServerVersion string
	// Migrations that were applied, oldest first.
	Migrations []string
}

const inspect = `/* tasker:inspect */
select clock_timestamp(), current_setting('server_version'),
  array(select name from tasker.schema_migrations order by version)`

// Inspect asks the database about itself.
func (s *Store) Inspect(ctx context.Context) (i Inspection, err error) {
	if err := s.query.QueryRow(ctx, inspect).Scan(&i.Now, &i.ServerVersion, &i.Migrations); err != nil {
		return i, fmt.Errorf("inspect the database: %w", err)
	}
	return i, nil
}
