package pgserver

import "syscall"

// DieWithParent makes the kernel shut the server down when this process is killed.
func DieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }
