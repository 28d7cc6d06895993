package pgserver

import "syscall"

// dieWithParent makes the kernel shut the server down when this process is killed.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }
