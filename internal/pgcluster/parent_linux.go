package main

import "syscall"

// dieWithParent shuts the server down when this process is killed outright and cannot do it.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }
