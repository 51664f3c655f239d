package embedpg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	noSuchDatabase     = "3D000"
	cannotConnectNow   = "57P03" // recovering, or about to stop
	tooManyConnections = "53300"
)

// connectTimeout bounds the wait for a server that is ready but turns connections away for the moment.
const connectTimeout = 30 * time.Second

// ensureDatabase creates the default database in a new cluster. It also proves that the server answers.
func (s *Server) ensureDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := s.connect(ctx, DefaultDatabase)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == noSuchDatabase {
		if conn, err = s.connect(ctx, "postgres"); err == nil {
			_, err = conn.Exec(ctx, "create database "+pgx.Identifier{DefaultDatabase}.Sanitize())
		}
	}
	if conn != nil {
		defer conn.Close(context.WithoutCancel(ctx))
	}
	if err != nil {
		return fmt.Errorf("connect to the private PostgreSQL server: %w; its log is %s", err, s.LogPath())
	}
	return nil
}

// connect tries again while the server is there but recovers from a crashed backend, or is full. A server that turns out
// to be dying is errGone.
func (s *Server) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	for {
		conn, err := pgx.Connect(ctx, s.DSN(database))
		var refused *pgconn.PgError
		switch {
		case err == nil:
			return conn, nil
		case errors.As(err, &refused) && !slices.Contains([]string{cannotConnectNow, tooManyConnections}, refused.Code):
			return nil, err
		case s.PostmasterPID() == 0:
			return nil, fmt.Errorf("%w: %w", errGone, err)
		}
		if pause(ctx, retryPause) != nil {
			return nil, err
		}
	}
}
