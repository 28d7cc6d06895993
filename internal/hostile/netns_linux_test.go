package hostile_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inside is set for a test that runs in a network of its own.
const inside = "WEBHOOKS_TEST_NETWORK"

// inNamespace runs a test of this binary again in a network and with mounts of its
// own, where [claimEverything] works. It skips the test where the system gives
// nobody such a network, and fails it then under CI=true.
func inNamespace(t *testing.T, test string, env ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+test+"$", "-test.v", "-test.timeout=3m")
	cmd.Env = append(append(os.Environ(), inside+"=1"), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Getuid() != 0 { // then the right to do so comes with a user namespace
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	_, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case err != nil && !ran:
		leaveOut(t, "this system gives us no network of our own: "+err.Error())
	case strings.Contains(string(out), "--- SKIP: "+test):
		leaveOut(t, "this system gives us no rights in a network of our own:\n"+string(out))
	case err != nil || !strings.Contains(string(out), "--- PASS: "+test):
		t.Errorf("%v\n%s", err, out)
	default:
		t.Logf("%s", out)
	}
}

func leaveOut(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// claimEverything makes every unicast address in the world one of this machine's, so
// that a listener of the test accepts every connection. It skips the test if the process
// lacks the permission.
func claimEverything(t *testing.T) {
	t.Helper()
	const (
		loopback   = 1   // the index of the first interface of a network is that of lo
		tableLocal = 255 // RT_TABLE_LOCAL
		scopeHost  = 254 // RT_SCOPE_HOST
	)
	up := make([]byte, syscall.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(up[4:], loopback)
	binary.NativeEndian.PutUint32(up[8:], syscall.IFF_UP)
	binary.NativeEndian.PutUint32(up[12:], syscall.IFF_UP) // which flag is meant
	messages := map[string][]byte{"lo up": netlink(syscall.RTM_NEWLINK, up)}
	for name, family := range map[string]byte{"local 0.0.0.0/0": syscall.AF_INET, "local ::/0": syscall.AF_INET6} {
		route := []byte{family, 0, 0, 0, tableLocal, syscall.RTPROT_BOOT, scopeHost, syscall.RTN_LOCAL, 0, 0, 0, 0}
		route = binary.NativeEndian.AppendUint16(route, 8) // the length of the one attribute
		route = binary.NativeEndian.AppendUint16(route, syscall.RTA_OIF)
		messages[name] = netlink(syscall.RTM_NEWROUTE, binary.NativeEndian.AppendUint32(route, loopback))
	}
	for _, name := range []string{"lo up", "local 0.0.0.0/0", "local ::/0"} {
		if err := tellKernel(messages[name]); err != nil {
			t.Skipf("%s: %v", name, err)
		}
	}
}

// netlink puts a header before a message (see netlink(7)).
func netlink(kind uint16, body []byte) []byte {
	m := binary.NativeEndian.AppendUint32(nil, uint32(syscall.SizeofNlMsghdr+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK|syscall.NLM_F_CREATE)
	m = append(m, make([]byte, 8)...) // sequence number and port, of no use here
	return append(m, body...)
}

func tellKernel(message []byte) error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Sendto(fd, message, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n < syscall.SizeofNlMsghdr+4 {
		return fmt.Errorf("netlink: %d bytes", n)
	}
	if code := int32(binary.NativeEndian.Uint32(answer[syscall.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// useNameServer makes both resolvers, Go's and the system's, ask 127.0.0.1, by files
// that this process alone sees.
func useNameServer(t *testing.T) {
	t.Helper()
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Skipf("private mounts: %v", err)
	}
	for target, text := range map[string]string{
		"/etc/resolv.conf":   "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"/etc/nsswitch.conf": "hosts: files dns\n",
	} {
		source := filepath.Join(t.TempDir(), filepath.Base(target))
		if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := syscall.Mount(source, target, "", syscall.MS_BIND, "")
		if err != nil && target != "/etc/nsswitch.conf" { // not every system has it
			t.Skipf("%s: %v", target, err)
		}
	}
}
