//go:build !linux

package store

import "github.com/jackc/pgx/v5/pgconn"

func quietly(dial pgconn.DialFunc) pgconn.DialFunc { return dial }
