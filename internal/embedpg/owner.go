package embedpg

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// owner is who the server runs as and whom the data directory belongs to: the caller or, because PostgreSQL refuses
// to run as root, an unprivileged stand-in for root.
type owner struct {
	name     string
	uid, gid int
	drop     bool // the caller is root and children must drop to uid and gid
}

// standIns are the accounts that root hands the server to, best first.
var standIns = []string{"postgres", "nobody"}

// chooseOwner returns the owner of an existing data directory, or whom a new one should belong to.
func chooseOwner(dataDir string) (owner, error) {
	if uid := os.Geteuid(); uid != 0 {
		return owner{name: "uid " + strconv.Itoa(uid), uid: uid, gid: os.Getegid()}, nil
	}
	var known []owner
	for _, name := range standIns {
		if own, err := lookupOwner(name); err == nil {
			known = append(known, own)
		}
	}
	if len(known) == 0 {
		return owner{}, errors.New("PostgreSQL does not run as root and there is no user postgres or nobody to run it as; " +
			"run as an ordinary user, or set DATABASE_URL to use a server you run yourself")
	}
	if info, err := os.Lstat(dataDir); err == nil { // a later package may have added a better stand-in
		for _, own := range known {
			if own.uid == ownerOf(info) {
				return own, nil
			}
		}
	}
	return known[0], nil
}

func lookupOwner(name string) (owner, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return owner{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return owner{}, fmt.Errorf("user %s: uid %q: %w", name, u.Uid, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return owner{}, fmt.Errorf("user %s: gid %q: %w", name, u.Gid, err)
	}
	return owner{name: "user " + name, uid: uid, gid: gid, drop: true}, nil
}

// sysProcAttr gives a child its own session, out of reach of Ctrl-C and hang-ups of the terminal, and its user.
func (o owner) sysProcAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if o.drop {
		attr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return attr
}

// ownerOf returns the uid a file belongs to.
func ownerOf(info os.FileInfo) int {
	return int(info.Sys().(*syscall.Stat_t).Uid)
}
