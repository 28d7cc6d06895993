package guard_test

import (
	"fmt"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain sets a proxy for the whole process before anything reads it: every
// test is then also a test that the proxy is not used.
func TestMain(m *testing.M) {
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		_ = os.Setenv(name, "http://"+proxy.Addr().String())
	}
	_ = os.Unsetenv("NO_PROXY")
	_ = os.Unsetenv("no_proxy")

	used := make(chan bool, 1)
	go func() {
		_, err := proxy.Accept()
		used <- err == nil
	}()
	code := m.Run()
	_ = proxy.Close()
	if <-used {
		fmt.Println("a request went through HTTP_PROXY")
		code = 1
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}
