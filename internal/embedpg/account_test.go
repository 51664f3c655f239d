package embedpg

import (
	"os"
	"syscall"
)

// account is who a helper runs as: the tests' own user, or another one, which only root can become.
type account struct {
	credential     *syscall.Credential
	withoutTracing bool
}

var self = account{}

// accounts are all whom these tests can run as.
func accounts() map[string]account {
	if os.Geteuid() != 0 {
		return map[string]account{"as an ordinary user": self}
	}
	all := map[string]account{
		"as root":             self,
		"as an ordinary user": ordinary(),
	}
	if canDropTracing {
		all["as root of a container that may not trace processes"] = account{withoutTracing: true}
	}
	return all
}

// ordinary is an account of every system, to which root does not drop by itself if there is a better one.
func ordinary() account {
	nobody, err := lookupOwner("nobody")
	if err != nil {
		panic(err)
	}
	return account{credential: &syscall.Credential{Uid: uint32(nobody.uid), Gid: uint32(nobody.gid)}}
}
