package embedpg

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAServerIsDurableUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	bin := must(findBinaries("", os.Getenv("PATH"), wellKnownDirs, func(int) bool { return true }))
	durable := serverSettings(Options{}, bin, "/data", "/data")
	require.Equal(t, "on", durable["fsync"])
	require.NotContains(t, durable, "synchronous_commit")
	require.NotContains(t, durable, "full_page_writes")
	require.Equal(t, "100", durable["max_connections"])
	require.Equal(t, "off", serverSettings(Options{FastUnsafe: true}, bin, "/data", "/data")["fsync"])
}

func TestSettingsReachTheServerAsTheyAre(t *testing.T) {
	t.Parallel()
	odd := `it's \n "100%" # of 'them'`
	s := openHere(t, Options{DataDir: newDataDir(t, self), MaxConnections: 33, Settings: map[string]string{
		"tasker.note": odd, "autovacuum_naptime": "7s", "work_mem": "9MB",
	}})
	require.Equal(t, odd, query(t, s.DSN(""), "show tasker.note"))
	for setting, want := range map[string]string{
		"max_connections": "33", "autovacuum_naptime": "7s", "work_mem": "9MB", "wal_level": "minimal", "listen_addresses": "",
		"jit": "off", "server_encoding": "UTF8", "lc_collate": "C", "unix_socket_permissions": "0700",
	} {
		require.Equal(t, want, query(t, s.DSN(""), "show "+setting), setting)
	}
	if hasStatStatements(s.BinDir()) {
		require.Equal(t, "pg_stat_statements", query(t, s.DSN(""), "show shared_preload_libraries"))
	}
}

func TestSettingsCannotOpenTheServer(t *testing.T) {
	t.Parallel()
	for setting, reason := range map[string]string{
		"listen_addresses":        "keeps the server private",
		"unix_socket_directories": "keeps the server private",
		"hba_file":                "keeps the server private",
		"work_mem = 1\nfsync":     "is not a PostgreSQL setting's name",
		"Listen_Addresses":        "is not a PostgreSQL setting's name",
	} {
		_, err := Open(t.Context(), Options{DataDir: "/nonexistent/never/made", Settings: map[string]string{setting: "x"}})
		require.ErrorContains(t, err, reason, setting)
	}
}

func TestAStartThatFailsQuotesTheServersLog(t *testing.T) {
	t.Parallel()
	dir := madeDataDir(t, self)
	_, err := Open(t.Context(), quiet(Options{DataDir: dir, Settings: map[string]string{"work_mem": "plenty"}}))
	require.ErrorContains(t, err, `invalid value for parameter "work_mem"`)
	require.ErrorContains(t, err, filepath.Join(dir, "postgres.log"))
	s := openHere(t, Options{DataDir: dir})
	require.NotEmpty(t, query(t, s.DSN(""), "select 1"), "the failed start left something in the way")
}

func TestALargeLogIsPutAside(t *testing.T) {
	t.Parallel()
	s := openHere(t, Options{DataDir: madeDataDir(t, self)})
	require.NoError(t, s.stopRunning())
	require.NoError(t, os.Truncate(s.LogPath(), maxLogSize+1))
	require.NoError(t, s.Start(t.Context()))
	require.Less(t, s.logSize(), int64(maxLogSize))
	require.FileExists(t, s.LogPath()+".1")
}
