//go:build unix

package pgserver

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// socketRoom is the longest temporary directory below which a unix socket's path fits everywhere:
// 103 bytes on macOS, less our own directory and the socket's name.
const socketRoom = 60

// owner is the user of the server's processes. PostgreSQL refuses to run as root.
type owner struct {
	credential *syscall.Credential // nil: the user of this process
}

// serverOwner returns the user of this process, or an unprivileged user if that is root.
func serverOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return &owner{}, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return &owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}

// makeDir makes a private directory that belongs to the owner.
func (o *owner) makeDir() (string, error) {
	parent, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		return "", err
	}
	if len(parent) > socketRoom || o.credential != nil && !openToAll(parent) {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "pgcluster-")
	if err != nil || o.credential == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(o.credential.Uid), int(o.credential.Gid))
}

// openToAll reports whether every user may traverse the directory and its parents.
func openToAll(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}
