package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// formats are the documents of the sample catalog, as package catalog has them reviewed.
var formats = map[string]string{"openapi": "openapi.json", "asyncapi": "asyncapi.json", "markdown": "md", "go": "go.txt"}

// exported is the reviewed document with the head that export gives it.
func exported(t *testing.T, format string) string {
	t.Helper()
	text, err := os.ReadFile("../catalog/testdata/seed." + formats[format])
	if err != nil {
		t.Fatal(err)
	}
	without := strings.NewReplacer("Ask `support@example.com`.\\n\\n", "", "Ask `support@example.com`.\n\n", "")
	return without.Replace(string(text))
}

var exportHead = []string{"--title=Webhooks of Example", "--edition=1.2.3"}

func TestCatalogExport(t *testing.T) {
	t.Parallel()
	t.Run("FromSeedsEveryFormat", func(t *testing.T) {
		t.Parallel()
		for format := range formats {
			file := filepath.Join(t.TempDir(), "document")
			args := append([]string{"catalog", "export", "--from-seed=seed", "--format=" + format}, exportHead...)
			printed := command(t, nil, args...)
			toFile := command(t, nil, append(args, "--output="+file)...)
			text, err := os.ReadFile(file)
			if printed.code != 0 || printed.stdout != exported(t, format) {
				t.Errorf("%s: exit %d, %s\n%s", format, printed.code, printed.stderr, printed.stdout)
			}
			if toFile.code != 0 || toFile.stdout != "" || err != nil || string(text) != printed.stdout {
				t.Errorf("%s: the file is another one, %v", format, err)
			}
		}
	})
	t.Run("FromTheStoreAndFromARunningHost", func(t *testing.T) {
		t.Parallel()
		s := serve(t, t.TempDir(), nil, "--dev", "--addr=127.0.0.1:0", "--log-level=error")
		token := execute(t, s.cmd.Dir, nil, "token", "--scope=webhooks:read")
		if token.code != 0 {
			t.Fatal(token.stderr)
		}
		for format := range formats {
			args := append([]string{"catalog", "export", "--format=" + format}, exportHead...)
			if r := execute(t, s.cmd.Dir, nil, args...); r.code != 0 || r.stdout != exported(t, format) {
				t.Errorf("%s of the store: exit %d, %s\n%s", format, r.code, r.stderr, r.stdout)
			}
			environ := []string{"WEBHOOKS_TOKEN=" + strings.TrimSpace(token.stdout)}
			if r := execute(t, s.cmd.Dir, environ, append(args, "--url="+s.url)...); r.code != 0 || r.stdout != exported(t, format) {
				t.Errorf("%s of the host: exit %d, %s\n%s", format, r.code, r.stderr, r.stdout)
			}
		}
	})
	t.Run("RefusesWrongSettings", func(t *testing.T) {
		t.Parallel()
		for want, args := range map[string][]string{
			"--format (WEBHOOKS_FORMAT)":       {"--from-seed=seed", "--format=yaml"},
			"--package (WEBHOOKS_PACKAGE)":     {"--from-seed=seed", "--format=go", "--package=a-b"},
			"--from-seed (WEBHOOKS_FROM_SEED)": {"--from-seed=nowhere"},
			"has no *.json files":              {"--from-seed=" + t.TempDir()},
			"set one":                          {"--from-seed=seed", "--url=http://127.0.0.1"},
			"WEBHOOKS_TOKEN is not set":        {"--url=http://127.0.0.1"},
			"--store (WEBHOOKS_STORE)":         {"--store=memory:"},
		} {
			r := command(t, nil, append([]string{"catalog", "export"}, args...)...)
			if r.code != exitWrong || !strings.Contains(r.stderr, want) || r.stdout != "" {
				t.Errorf("%v: exit %d, %q, want %q", args, r.code, r.stderr, want)
			}
		}
	})
}
