#!/bin/sh
# Makes sure that what `make demo` or `make test` needs is on this machine. As root with apt-get it installs what is
# missing; otherwise it says in one message what to install. It takes no time to speak of when everything is there.
set -eu

min_go=26      # of Go 1
min_postgres=15
min_python=10  # of Python 3
# Where internal/embedpg looks after PATH. A test holds the two lists together.
postgres_dirs='
/usr/lib/postgresql/*/bin
/usr/pgsql-*/bin
/usr/libexec/postgresql*
/usr/lib/postgresql*/bin
/usr/lib64/postgresql-*/bin
/usr/local/pgsql/bin
/opt/homebrew/opt/postgresql@*/bin
/usr/local/opt/postgresql@*/bin
/Applications/Postgres.app/Contents/Versions/*/bin
/opt/bitnami/postgresql/bin
/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin
/run/current-system/sw/bin
/nix/var/nix/profiles/default/bin
'

say() { printf 'setup: %s\n' "$1"; }

usage() {
	echo 'usage: scripts/setup.sh demo|test' >&2
	exit 2
}

# need WHAT [PACKAGE...] notes something missing, and the Debian packages that bring it.
need() {
	missing="$missing
  - $1"
	shift
	packages="$packages${*:+ $*}"
}

check_go() {
	if ! command -v go >/dev/null; then
		need "Go 1.$min_go or newer: install it from go.dev/dl and put its bin directory into PATH"
		return
	fi
	found=$(GOTOOLCHAIN=local go version)
	found=${found#*go version } found=${found#devel } found=${found%% *}
	minor=${found#go1.} minor=${minor%%[!0-9]*}
	if [ "${minor:-0}" -lt "$min_go" ]; then
		need "Go 1.$min_go or newer: $(command -v go) is $found; install a newer one from go.dev/dl"
		return
	fi
	have="$found"
}

check_compiler() {
	for compiler in ${CC:-gcc cc clang}; do
		if command -v "$compiler" >/dev/null; then
			have="$have, C compiler $compiler"
			return
		fi
		[ -z "${CC:-}" ] || break
	done
	need 'a C compiler, for the race detector and the C library: install gcc and the C headers' gcc libc6-dev
}

check_python() {
	python=${PYTHON:-python3}
	if ! command -v "$python" >/dev/null; then
		need "Python 3.$min_python or newer with its venv module: install python3 and python3-venv" python3 python3-venv
		return
	fi
	found=$("$python" --version 2>&1) || true
	found=${found#Python }
	minor=${found#3.} minor=${minor%%[!0-9]*}
	if [ "${minor:-0}" -lt "$min_python" ]; then
		need "Python 3.$min_python or newer: $(command -v "$python") is $found; set PYTHON to a newer one"
	elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
		need "the venv module of $(command -v "$python"): install python3-venv, or set PYTHON to another" python3-venv
	else
		have="$have, Python $found"
	fi
}

# use_postgres DIR succeeds if the server programs in DIR will do.
use_postgres() {
	if [ ! -x "$1/postgres" ] || [ ! -x "$1/initdb" ]; then
		return 1
	fi
	version=$("$1/postgres" --version 2>/dev/null) || return 1
	version=${version#*PostgreSQL) } version=${version%%[!0-9]*}
	if [ "${version:-0}" -lt "$min_postgres" ]; then
		passed_over="$passed_over; $1 holds version $version"
		return 1
	fi
	have="$have, PostgreSQL $version in $1"
}

find_postgres() {
	old_ifs=$IFS IFS=:
	for dir in $PATH; do
		IFS=$old_ifs
		if use_postgres "$dir"; then return 0; fi
	done
	IFS='
'
	for dir in $postgres_dirs; do # patterns that match nothing stay as they are, and hold no programs
		IFS=$old_ifs
		if use_postgres "$dir"; then return 0; fi
	done
	IFS=$old_ifs
	return 1
}

check_postgres() {
	passed_over=''
	if [ -n "${TASKER_PG_BIN:-}" ]; then
		use_postgres "$TASKER_PG_BIN" ||
			need "PostgreSQL $min_postgres or newer where TASKER_PG_BIN points ($TASKER_PG_BIN$passed_over): correct it, or unset it to search"
		return 0
	fi
	find_postgres ||
		need "PostgreSQL $min_postgres or newer, the server programs (none in PATH and the usual places$passed_over): install the package \
postgresql (Debian, Ubuntu, Alpine), postgresql-server (Fedora) or postgresql@17 (Homebrew), or set TASKER_PG_BIN" postgresql
}

check() {
	missing='' packages='' have=''
	check_go
	check_postgres
	if [ "$goal" = test ]; then
		check_compiler
		check_python
	fi
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Options::=--force-confold "$@" >&2
}

# install PACKAGE... may find the package lists too old, or not there at all.
install() {
	apt install --no-install-recommends "$@" || { apt update && apt install --no-install-recommends "$@"; }
}

# without_cluster COMMAND... keeps Debian from creating a database that listens: Tasker makes its own, which does not.
without_cluster() {
	install postgresql-common
	conf=/etc/postgresql-common/createcluster.conf
	cp "$conf" "$conf.tasker-setup"
	trap 'mv "$conf.tasker-setup" "$conf"' EXIT
	trap 'exit 130' HUP INT TERM
	echo 'create_main_cluster = false' >>"$conf"
	"$@"
	mv "$conf.tasker-setup" "$conf"
	trap - EXIT HUP INT TERM
}

install_missing() {
	say "installing$packages"
	# shellcheck disable=SC2086 # packages is a list of words
	case " $packages " in
	*' postgresql '*) without_cluster install $packages ;;
	*) install $packages ;;
	esac
}

# optional PROGRAM WHAT tells of what neither target needs.
optional() {
	if command -v "$1" >/dev/null; then
		say "optional: $1 found, for $2"
	else
		say "optional: $1 not found; install it for $2"
	fi
}

[ $# -eq 1 ] || usage
goal=$1
case $goal in
demo | test) ;;
*) usage ;;
esac

check
if [ -n "$packages" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	install_missing
	check
fi
if [ -n "$missing" ]; then
	printf 'setup: make %s needs what this machine lacks:%s\n' "$goal" "$missing" >&2
	exit 1
fi
say "$have"
if [ "$goal" = demo ]; then optional python3 'Python handlers'; fi
optional ruby 'Ruby handlers'
