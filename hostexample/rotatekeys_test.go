package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/signing"
)

// Two keys in the form of the setting.
const (
	keyA = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
	keyB = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
)

func withKeys(value string) []string { return []string{"WEBHOOKS_SECRET_KEYS=" + value} }

// execute runs the program to its end, in a process of its own.
func execute(t *testing.T, folder string, environ []string, args ...string) result {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr lockedBuffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = folder, append([]string{"HOME=" + folder}, environ...), &stdout, &stderr
	err = cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// refused checks that the host does not start, and names the setting in one line.
func refused(t *testing.T, folder string, environ []string, names string) {
	t.Helper()
	r := execute(t, folder, environ, "serve", "--addr=127.0.0.1:0", "--log-level=error")
	if r.code != exitWrong || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, names) || r.stdout != "" {
		t.Errorf("with %v: exit %d, %q, %q; want one line that names %s", environ, r.code, r.stdout, r.stderr, names)
	}
	if strings.Contains(r.stderr, keyA) || strings.Contains(r.stderr, keyB) {
		t.Errorf("a key is shown: %s", r.stderr)
	}
}

// signs checks that an event arrives, signed with the secret.
func signs(t *testing.T, a api, posts <-chan post, secret string) {
	t.Helper()
	a.publish(t)
	p := next(t, posts)
	keys, err := signing.ParseKeys(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := signing.Verify(p.header, p.body, keys, time.Now(), 0); err != nil {
		t.Error(err)
	}
}

func TestAKeyIsRotatedWhileAHostRuns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	end := func(s *serving) {
		s.signal(t, syscall.SIGTERM)
		if code := s.exit(t); code != 0 {
			t.Errorf("exit %d", code)
		}
	}

	host := serve(t, folder, withKeys(keyA))
	a := api{host.url, token(t, folder, "--scope=webhooks:admin")}
	_, secret := a.subscribe(t, receiver)
	signs(t, a, posts, secret)
	end(host)
	refused(t, folder, withKeys(keyB), "WEBHOOKS_SECRET_KEYS")
	refused(t, folder, withKeys("off"), "WEBHOOKS_SECRET_KEYS")
	refused(t, folder, nil, devKeyFile) // this start made a new key

	host = serve(t, folder, withKeys(keyB+","+keyA))
	a.url = host.url
	signs(t, a, posts, secret)
	if r := execute(t, folder, withKeys(keyB), "rotate-keys"); r.code != exitWrong || !strings.Contains(r.stderr, "WEBHOOKS_SECRET_KEYS") {
		t.Errorf("rotate-keys without the former key: exit %d, %s", r.code, r.stderr)
	}
	for _, want := range []string{"2 signing secrets", "0 signing secrets"} { // the test's and the sample's
		r := execute(t, folder, append(withKeys(keyB+","+keyA), "USER=ann"), "rotate-keys")
		audited := strings.Contains(r.stderr, `"actor":"cli/ann"`) == strings.HasPrefix(want, "2")
		if r.code != 0 || !strings.HasPrefix(r.stdout, want) || !audited {
			t.Errorf("rotate-keys: exit %d, %q, %s; want %s", r.code, r.stdout, r.stderr, want)
		}
	}
	signs(t, a, posts, secret)
	end(host)

	host = serve(t, folder, withKeys(keyB))
	a.url = host.url
	signs(t, a, posts, secret)
	end(host)
	refused(t, folder, withKeys(keyA), "WEBHOOKS_SECRET_KEYS")
}

func TestSecretsInTheClearAreEncryptedOnceThereIsAKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	host := serve(t, folder, withKeys("off"))
	a := api{host.url, token(t, folder, "--scope=webhooks:admin")}
	_, secret := a.subscribe(t, receiver)
	host.signal(t, syscall.SIGTERM)
	host.exit(t)
	if !stored(t, folder, secret) {
		t.Error("the secret is not in the clear: this shows nothing")
	}

	host = serve(t, folder, withKeys(keyA))
	a.url = host.url
	signs(t, a, posts, secret)
	host.signal(t, syscall.SIGTERM)
	host.exit(t)
	if r := execute(t, folder, withKeys(keyA), "rotate-keys"); r.code != 0 || !strings.HasPrefix(r.stdout, "2 ") {
		t.Errorf("rotate-keys: exit %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	if stored(t, folder, secret) {
		t.Error("the secret is in the clear still")
	}
	refused(t, folder, withKeys("off"), "WEBHOOKS_SECRET_KEYS")
	a.url = serve(t, folder, withKeys(keyA)).url
	signs(t, a, posts, secret)
}

// stored reports whether a text lies in a database of SQLite.
func stored(t *testing.T, folder, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "webhooks.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no database: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), text) {
			return true
		}
	}
	return false
}

func TestRotateKeysSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		args    string
		names   string
	}{
		{nil, "rotate-keys", "WEBHOOKS_SECRET_KEYS"},
		{withKeys("off"), "rotate-keys", "WEBHOOKS_SECRET_KEYS"},
		{withKeys(keyA), "rotate-keys --store=memory:", "--store (WEBHOOKS_STORE)"},
		{withKeys("QUFB"), "rotate-keys", "WEBHOOKS_SECRET_KEYS"},
	} {
		r := command(t, c.environ, strings.Fields(c.args)...)
		if r.code != exitWrong || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, c.names) {
			t.Errorf("%s with %v: exit %d, %q", c.args, c.environ, r.code, r.stderr)
		}
	}
	if r := command(t, nil, "rotate-keys", "--help"); r.code != 0 || !strings.Contains(r.stdout, "B alone") {
		t.Errorf("rotate-keys --help: exit %d, %s", r.code, r.stdout)
	}
}
