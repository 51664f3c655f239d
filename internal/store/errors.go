package store

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Conditions that callers ask for with errors.Is.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the row is in a state that forbids the change.
	ErrConflict = errors.New("conflict")
	// ErrWorkerLost: the worker's lease ran out; it must come back as a new one.
	ErrWorkerLost = errors.New("the worker's lease has run out")
)

// Remedy says what to do about a failed database operation.
type Remedy int

const (
	// RemedyNone: the operation is at fault and will fail again.
	RemedyNone Remedy = iota
	// RemedyRetry: try again, the data is as before or the operation is fenced.
	RemedyRetry
	// RemedyReconnect: as RemedyRetry, on a new connection.
	RemedyReconnect
	// RemedyRefuse: the data is at fault; it can never be stored.
	RemedyRefuse
	// RemedyStop: the program or the schema is at fault.
	RemedyStop
)

// Classify finds the remedy for an error of the database.
func Classify(err error) Remedy {
	var pgErr *pgconn.PgError
	switch {
	case err == nil:
		return RemedyNone
	case errors.As(err, &pgErr):
		return classifyState(pgErr.Code)
	case errors.Is(err, pgx.ErrNoRows), errors.Is(err, context.Canceled):
		return RemedyNone
	}
	var connectErr *pgconn.ConnectError
	var netErr net.Error
	if errors.As(err, &connectErr) || errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool") {
		return RemedyReconnect
	}
	return RemedyNone
}

func classifyState(code string) Remedy {
	switch code {
	case "40001", "40P01", "55P03", "53100", "53200", "53300", "57014":
		return RemedyRetry
	case "25006", "57P01", "57P02", "57P03", "26000", "42P05":
		return RemedyReconnect
	case "22P05", "22P02", "22021", "22003", "54000", "54001":
		return RemedyRefuse
	}
	switch {
	case strings.HasPrefix(code, "08"):
		return RemedyReconnect
	case strings.HasPrefix(code, "23"):
		return RemedyRefuse
	case strings.HasPrefix(code, "42"):
		return RemedyStop
	}
	return RemedyNone
}

var passwordInDSN = regexp.MustCompile(`(?i)(password=)('[^']*'|\S+)|(://[^:/@\s]+:)[^@\s]+(@)`)

// scrub keeps passwords of connection strings out of an error's text.
func scrub(err error) error {
	if err == nil || !passwordInDSN.MatchString(err.Error()) {
		return err
	}
	return &scrubbedError{text: passwordInDSN.ReplaceAllString(err.Error(), "${1}${3}***${4}"), err: err}
}

type scrubbedError struct {
	text string
	err  error
}

func (e *scrubbedError) Error() string { return e.text }
func (e *scrubbedError) Unwrap() error { return e.err }

func notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
