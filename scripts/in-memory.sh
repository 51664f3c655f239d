#!/usr/bin/env bash
# Runs a command whose temporary files, and the databases of internal/testdb, are in memory: in-memory.sh COMMAND...
# They are many and live shortly; a disk's file system may spend more on them than the tests do. Where memory is short, the
# command runs as it is. IN_MEMORY_DIR and IN_MEMORY_KIB say where, and how much has to be free.
set -euo pipefail
shm=${IN_MEMORY_DIR:-/dev/shm}
needed=${IN_MEMORY_KIB:-4194304} # several times what make test takes at its peak

# room says whether the memory is there, and lets programs be run from it.
room() {
	if ! command -v flock >/dev/null || [ ! -w "$shm" ] || [ "$(stat -f -c %T "$shm")" != tmpfs ]; then return 1; fi
	case ",$(findmnt -n -o OPTIONS --target "$shm")," in *,noexec,*) return 1 ;; esac
	[ "$(df -Pk "$shm" | awk 'NR == 2 {print $4}')" -ge "$needed" ] && [ "$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)" -ge "$needed" ]
}

if ! room; then
	exec "$@"
fi

# All processes of a run inherit its lock. Who gets the lock, this run at its end or a later one, is alone with the directory.
exec 8<"$shm"
flock 8 # one run at a time comes in
for dir in "$shm"/tasker-test.??????; do
	if [ -O "$dir/lock" ]; then flock -n "$dir/lock" rm -rf "$dir" || true; fi
done
dir=$(mktemp -d "$shm/tasker-test.XXXXXX")
exec 9>"$dir/lock"
flock 9
exec 8<&-
chmod 1777 "$dir" # like /tmp: some tests run as other users

finish() {
	exec 9>&-
	flock -w 60 "$dir/lock" true || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM
# What compilers and linkers write is large, and stays on the disk; t.TempDir of Go stays with it.
export GOTMPDIR=${GOTMPDIR:-${TMPDIR:-/tmp}}
TMPDIR=$dir TASKER_TESTDB_DIR=$dir/testdb "$@"
