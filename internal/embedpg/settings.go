package embedpg

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const defaultMaxConnections = 100

// fixedSettings keep the server private and recognisable to its users; Options.Settings may not change them.
var fixedSettings = []string{
	"listen_addresses", "port", "unix_socket_directories", "unix_socket_permissions", "data_directory", "hba_file", "ident_file",
	"config_file", "external_pid_file", "cluster_name",
}

var settingName = regexp.MustCompile(`^[a-z_][a-z0-9_.]*$`)

func checkSettings(settings map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !settingName.MatchString(name) {
			return fmt.Errorf("setting %q is not a PostgreSQL setting's name", name)
		}
		if slices.Contains(fixedSettings, name) {
			return fmt.Errorf("setting %s is what keeps the server private and recognisable; it cannot be changed", name)
		}
	}
	return nil
}

// serverSettings is the whole configuration of the server.
func serverSettings(o Options, bin binaries, dataDir, socketDir string) map[string]string {
	settings := map[string]string{
		"timezone":                 "UTC",
		"log_timezone":             "UTC",
		"log_line_prefix":          "%m [%p] %a ",
		"log_checkpoints":          "off",
		"max_connections":          strconv.Itoa(defaultMaxConnections),
		"shared_buffers":           "128MB",
		"max_wal_size":             "1GB",
		"wal_level":                "minimal",
		"max_wal_senders":          "0", // what wal_level minimal asks for
		"fsync":                    "on",
		"jit":                      "off", // compiling costs more than any of our statements
		"autovacuum":               "on",
		"autovacuum_naptime":       "10s", // queue tables die young
		"shared_preload_libraries": "",
	}
	if hasStatStatements(bin.dir) {
		settings["shared_preload_libraries"] = "pg_stat_statements"
	}
	if o.MaxConnections > 0 {
		settings["max_connections"] = strconv.Itoa(o.MaxConnections)
	}
	if o.FastUnsafe {
		maps.Copy(settings, map[string]string{"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"})
	}
	maps.Copy(settings, o.Settings)
	maps.Copy(settings, map[string]string{
		"listen_addresses":        "",
		"port":                    socketPort,
		"unix_socket_directories": `"` + strings.ReplaceAll(socketDir, `"`, `""`) + `"`, // quoted, as the value is a list
		"unix_socket_permissions": "0700",
		"cluster_name":            clusterName(dataDir),
	})
	return settings
}

// hasStatStatements reports whether the library is there: the server would not start if told to load a missing one.
func hasStatStatements(binDir string) bool {
	for _, lib := range []string{"lib", "lib64"} {
		for _, sub := range []string{"", "postgresql", "pgsql"} {
			found, _ := filepath.Glob(filepath.Join(globEscape(filepath.Dir(binDir)), lib, sub, "pg_stat_statements.*"))
			if len(found) > 0 {
				return true
			}
		}
	}
	return false
}

func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// writeConfig replaces postgresql.conf in one step, so that a crash leaves the old one or the new one.
func writeConfig(clusterDir string, settings map[string]string, own owner) error {
	var text strings.Builder
	text.WriteString("# Written by Tasker at each start of its private server. ALTER SYSTEM (postgresql.auto.conf) is read after it.\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`).Replace(settings[name])
		fmt.Fprintf(&text, "%s = '%s'\n", name, value)
	}
	f, err := os.CreateTemp(clusterDir, "postgresql.conf.*")
	if err != nil {
		return fmt.Errorf("write server settings: %w", err)
	}
	defer os.Remove(f.Name()) // there is nothing to remove once it is renamed
	defer f.Close()
	if own.drop {
		err = f.Chown(own.uid, own.gid)
	}
	if err == nil {
		_, err = f.WriteString(text.String())
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(clusterDir, "postgresql.conf"))
	}
	if err != nil {
		return fmt.Errorf("write server settings: %w", err)
	}
	return nil
}
