// Package payload says whether bytes from outside are JSON that PostgreSQL's jsonb takes. encoding/json's own check is
// not enough: it lets through bad UTF-8, lone surrogates, \u0000 and numbers beyond numeric's range, each of which fails
// in the database, where it would take a whole batch with it.
package payload

import "fmt"

// Limits bound a payload. A zero field takes its default; a field beyond its hard bound takes that.
type Limits struct {
	// MaxBytes bounds the length of the text, and what the exponents of its numbers add when PostgreSQL writes them
	// out. Defaults to 1 MiB; never above 16 MiB.
	MaxBytes int
	// MaxDepth bounds how deep objects and arrays nest; a scalar has depth 0. Defaults to 64; never above 1024.
	MaxDepth int
	// MaxKeys bounds the keys of all objects together. Defaults to 10,000.
	MaxKeys int
}

// The bounds of a payload: by default, and whatever the configuration says.
const (
	DefaultMaxBytes = 1 << 20
	DefaultMaxDepth = 64
	DefaultMaxKeys  = 10_000

	// As jsonb, a text takes up to six times its bytes, and PostgreSQL takes no more than 256 MiB of that.
	HardMaxBytes = 16 << 20
	HardMaxDepth = 1024
)

func (l Limits) withDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = DefaultMaxDepth
	}
	if l.MaxKeys <= 0 {
		l.MaxKeys = DefaultMaxKeys
	}
	l.MaxBytes, l.MaxDepth = min(l.MaxBytes, HardMaxBytes), min(l.MaxDepth, HardMaxDepth)
	return l
}

// Error says where a payload is wrong, and how.
type Error struct {
	// Offset counts bytes from 0.
	Offset int64
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("JSON refused at byte %d: %s", e.Offset, e.Reason) }

// Check returns an [Error] unless raw is one JSON value within the limits that PostgreSQL stores as jsonb and writes out
// again. It reads raw once and allocates nothing when it accepts.
func Check(raw []byte, l Limits) error {
	l = l.withDefaults()
	if err := l.checkLength(raw); err != nil {
		return err
	}
	var s scanner
	s.start(raw, &l)
	at, problem := s.document()
	return s.refusal(at, problem)
}

func (l *Limits) checkLength(raw []byte) error {
	if len(raw) > l.MaxBytes {
		return &Error{int64(l.MaxBytes), fmt.Sprintf("%d bytes, the limit is %d", len(raw), l.MaxBytes)}
	}
	return nil
}
