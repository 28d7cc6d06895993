package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store/memstore"
)

// settingRows returns the rows of the table of settings in docs/host.md, by their first cells,
// and the text of that file.
func settingRows(t *testing.T) (rows map[string]string, text string) {
	t.Helper()
	file, err := os.ReadFile("../docs/host.md")
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string]string{}
	for line := range strings.Lines(string(file)) {
		if strings.HasPrefix(line, "| `--") {
			rows[strings.TrimSpace(strings.Split(line, "|")[1])] = line
		}
	}
	return rows, string(file)
}

func TestEverySettingIsInTheHelpAndTheDocs(t *testing.T) {
	t.Parallel()
	rows, text := settingRows(t)
	parser, err := kong.New(new(cli))
	if err != nil {
		t.Fatal(err)
	}
	flags, help := map[string]bool{}, new(serveCmd).Help()
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && hasVariable(flag.Name) {
			first := "`--" + flag.Name + "`"
			flags[first] = true
			checkSetting(t, flag, rows[first])
			help += helpText(flag.Value)
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for first := range rows {
		if !flags[first] {
			t.Errorf("docs/host.md has %s, which is no flag", first)
		}
	}
	for _, name := range secretNames {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/host.md lacks %s", name)
		}
		if !strings.Contains(help, strings.TrimSuffix(name, "_FILE")) {
			t.Errorf("the help lacks %s", name)
		}
	}
}

// checkSetting compares a flag with its row: flag, variable, default and meaning.
func checkSetting(t *testing.T, flag *kong.Flag, row string) {
	t.Helper()
	begin := fmt.Sprintf("| `--%s` | `%s` | ", flag.Name, envName(flag.Name))
	if !strings.HasPrefix(row, begin) {
		t.Errorf("docs/host.md has %q, want a row that begins with %q", row, begin)
	} else if flag.HasDefault && !strings.Contains(strings.Split(row, "|")[3], "`"+flag.Default+"`") {
		t.Errorf("docs/host.md has %q, which lacks the default %s", row, flag.Default)
	}
	if help := helpText(flag.Value); !strings.HasSuffix(help, "["+envName(flag.Name)+"]") {
		t.Errorf("the help of --%s does not name its variable: %s", flag.Name, help)
	}
}

func TestSettingsReachTheLibrary(t *testing.T) {
	t.Parallel()
	h := &host{environ: []string{
		testSecret, testKeys, "WEBHOOKS_STORE=memory:", "WEBHOOKS_ALLOW_HTTP=true", "WEBHOOKS_DEADLINE=5d", "WEBHOOKS_SECRET_OVERLAP=1d6h",
		"WEBHOOKS_MAX_DATA=2097152", "WEBHOOKS_RETENTION=forever", "WEBHOOKS_WORKERS=9",
	}}
	c, _, err := h.parse([]string{"serve", "--drain-timeout=2m"})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := h.config(c.Serve.settings)
	if err != nil {
		t.Fatal(err)
	}
	got := conf.library
	if !got.AllowHTTP || got.Deadline != 120*time.Hour || got.SecretOverlap != 30*time.Hour ||
		got.MaxData != 2<<20 || got.Retention >= 0 || got.Workers != 9 {
		t.Errorf("%v", got)
	}
	if p := (&process{config: conf}); p.maxBody() < 2<<20 || time.Duration(p.DrainTimeout) != 2*time.Minute {
		t.Errorf("bodies of %d bytes, drain %v", p.maxBody(), p.DrainTimeout)
	}
}

// Package httpapi makes the check, without the setting's name, which the host adds.
func TestTheMemoryOfRequestsHasRoomForABody(t *testing.T) {
	t.Parallel()
	h := &host{environ: []string{testSecret, testKeys, "WEBHOOKS_STORE=memory:", "WEBHOOKS_MAX_DATA=33554432"}}
	for memory, want := range map[string]string{
		"67108864":  "--request-memory (WEBHOOKS_REQUEST_MEMORY) is 67108864, must be at least 4 times",
		"268435456": "<nil>",
	} {
		c, _, err := h.parse([]string{"serve", "--request-memory=" + memory})
		if err != nil {
			t.Fatal(err)
		}
		conf, err := h.config(c.Serve.settings)
		if err != nil {
			t.Fatal(err)
		}
		p := &process{config: conf, log: slog.New(slog.DiscardHandler)}
		if p.hooks, err = webhooks.New(memstore.New(), conf.library); err != nil {
			t.Fatal(err)
		}
		if _, err = p.handler(t.Context(), "127.0.0.1:8080"); !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("with %s bytes: %v, want %s", memory, err, want)
		}
	}
}

func TestThePoolHasItsSize(t *testing.T) {
	t.Parallel()
	s := storeSettings{Store: storeAddress(testpg.DSN(t)), PoolSize: 3}
	db, err := s.open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if n := db.sql.DB().Stats().MaxOpenConnections; n != 3 {
		t.Errorf("%d connections", n)
	}
}
