package embedpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	socketPort    = "5432" // names the file; nothing listens on a port
	socketFile    = ".s.PGSQL." + socketPort
	maxSocketPath = 103 // bytes: sun_path holds 108 on Linux but 104 on macOS and the BSDs, with the NUL
)

// socketDir is the directory of the server's socket: the data directory or, where its path does not do for a socket, a
// private directory in /tmp. It depends on nothing but the data directory, so all processes agree on it.
func socketDir(dataDir string, own owner) string {
	if fitsSocket(dataDir) {
		return dataDir
	}
	return fmt.Sprintf("/tmp/%s-%d", clusterName(dataDir), own.uid)
}

// prepareSocketDir makes sure that the socket is out of everyone's reach, before the server or a client trusts it. Anyone
// can create a directory in /tmp.
func (s *Server) prepareSocketDir() error {
	if s.socket == s.dataDir {
		return nil
	}
	if err := os.Mkdir(s.socket, 0o700); err == nil {
		if err := takeOver(s.socket, s.owner); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create socket directory: %w", err)
	}
	if err := checkPrivate(s.socket, s.owner.uid); err != nil {
		return fmt.Errorf("the socket does not fit into %s and cannot be elsewhere: %w", s.dataDir, err)
	}
	return nil
}

// removeSocketDir tidies up in /tmp when the server has stopped.
func (s *Server) removeSocketDir() {
	if s.socket != s.dataDir {
		_ = os.Remove(s.socket) // if it is not empty, it is still of use
	}
}

// fitsSocket reports whether dir can be the socket's directory: connection strings take a comma for a list of hosts.
func fitsSocket(dir string) bool {
	return len(filepath.Join(dir, socketFile)) <= maxSocketPath && !strings.Contains(dir, ",")
}
