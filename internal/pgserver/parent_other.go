//go:build unix && !linux

package pgserver

import "syscall"

// dieWithParent can do nothing here: only Linux tells a child that its parent is gone.
func dieWithParent(*syscall.SysProcAttr) {}
