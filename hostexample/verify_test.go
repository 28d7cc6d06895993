package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	official "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// delivered lets a host deliver one event, and returns it with the secret.
func delivered(t *testing.T) (p post, secret string) {
	t.Helper()
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	s := serve(t, folder, nil)
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	_, secret = a.subscribe(t, receiver)
	a.publish(t)
	return next(t, posts), secret
}

func TestTheOfficialGoLibraryVerifiesADelivery(t *testing.T) {
	t.Parallel()
	p, secret := delivered(t)
	hook, err := official.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Verify(p.body, p.header); err != nil {
		t.Errorf("%v: %v", err, p.header)
	}
	if err := hook.Verify(append(p.body, ' '), p.header); err == nil {
		t.Error("another body verifies too")
	}
}

// verifyScript reads {secret, body, headers}. It exits with 0 if the body verifies and a
// changed body does not.
const verifyScript = `
const { Webhook } = require("standardwebhooks");
const { secret, body, headers } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const hook = new Webhook(secret);
const event = hook.verify(body, headers);
let refused = false;
try { hook.verify(body + " ", headers); } catch { refused = true; }
if (!refused) throw new Error("another body verifies too");
console.log(event.id);
`

func TestTheNpmLibraryVerifiesADelivery(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("npm check left out: -short")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("npm check left out: there is no %s", tool)
		}
	}
	folder := t.TempDir()
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "standardwebhooks@1")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm check left out: standardwebhooks cannot be installed: %v: %s", err, out)
	}
	p, secret := delivered(t)
	headers := map[string]string{}
	for name := range p.header {
		headers[name] = p.header.Get(name)
	}
	input, err := json.Marshal(map[string]any{"secret": secret, "body": string(p.body), "headers": headers})
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(folder, "verify.cjs")
	if err := os.WriteFile(script, []byte(verifyScript), 0o600); err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", script)
	node.Stdin = bytes.NewReader(input)
	out, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := string(bytes.TrimSpace(out)), p.header.Get("webhook-id"); got != want {
		t.Errorf("the verified event is %s, want %s", got, want)
	}
}
