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

// socketDir returns the directory of the server's socket: the data directory or, where its path does not do for a
// socket, a private directory in /tmp. It depends on nothing but dataDir, so all processes agree on it.
func socketDir(dataDir string, own owner) (string, error) {
	if fitsSocket(dataDir) {
		return dataDir, nil
	}
	dir := fmt.Sprintf("/tmp/%s-%d", clusterName(dataDir), own.uid)
	if err := os.Mkdir(dir, 0o700); err == nil {
		if err := takeOver(dir, own); err != nil {
			return "", err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("create socket directory: %w", err)
	}
	if err := checkPrivate(dir, own.uid); err != nil {
		return "", fmt.Errorf("the socket does not fit into %s and cannot be elsewhere: %w", dataDir, err)
	}
	return dir, nil
}

// fitsSocket reports whether dir can be the socket's directory: connection strings take a comma for a list of hosts.
func fitsSocket(dir string) bool {
	return len(filepath.Join(dir, socketFile)) <= maxSocketPath && !strings.Contains(dir, ",")
}
