//go:build unix && !linux

package pgserver

import "syscall"

// DieWithParent can do nothing here: only Linux tells a child that its parent is gone.
func DieWithParent(*syscall.SysProcAttr) {}
