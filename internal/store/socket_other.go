//go:build !linux

package store

import (
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

func quietly(dial pgconn.DialFunc) pgconn.DialFunc { return dial }

func descriptor(net.Conn) (fd int, ok bool) { return 0, false }
