package cli

import (
	"context"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/store"
)

// manyArchived is how many messages of an archive are counted.
const manyArchived = 1000

// transport names what tells processes of work, and looks whether it does.
func (d *doctor) transport(ctx context.Context, s *store.Store) error {
	found, err := s.InspectMessages(ctx, manyArchived)
	if err != nil {
		return err
	}
	if !found.InUse {
		d.find("transport", findingOK, "postgres: rows, and notifications about them")
		return nil
	}
	by := "its interface in plain SQL"
	if found.Extension != "" {
		by = "the extension " + found.Extension
	}
	switch {
	case len(found.Silent) > 0:
		d.find("transport", findingFail, "pgmq, but the database tells of no work: %s not there or disabled; 'tasker migrate --transport postgres' and then '--transport pgmq' puts them back",
			strings.Join(found.Silent, ", "))
	case len(found.Missing) > 0:
		d.find("transport", findingFail, "pgmq without the queues %s; 'tasker migrate --transport postgres' and then '--transport pgmq' makes them", strings.Join(found.Missing, ", "))
	case d.cfg.Queues.Backend != "pgmq":
		d.find("transport", findingWarn, "the database sends messages by pgmq, and this configuration reads none (queues.backend = %q); once no process reads any, run 'tasker migrate --transport postgres'", d.cfg.Queues.Backend)
	default:
		d.find("transport", findingOK, "pgmq by %s: %s", by, count(int64(found.Queues), "queue"))
	}
	if found.Archived > 0 {
		d.find("messages", findingWarn, "%s set aside, since they could not be processed; look at them in the tables a_… of the schema pgmq", count(found.Archived, "message"))
	}
	return nil
}
