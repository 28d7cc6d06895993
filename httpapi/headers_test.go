package httpapi_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks"
)

// The table of subscriptions holds no value of a header in the clear, under its name.
func TestHeaderValuesAreEncryptedInTheTable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := stores[name](t)
			f := newFixtureWith(t, st, webhooks.Config{SecretKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}})
			f.catalog()
			f.run([]step{{
				as: "admin", do: "POST " + subs, status: 201, body: `{"postUri": "https://example.com/hook", "isDevelopment": false,
					"headers": {"Authorization": "Bearer canary-4711"}}`,
			}})
			id := parse(t, f.send(step{as: "admin", do: "GET " + subs}).Body.String()).(map[string]any)["items"].([]any)[0].(map[string]any)["id"]
			f.vars["sub"] = id.(string)
			shown := f.send(step{as: "admin", do: "GET " + subs + "/{sub}"}).Body.String()
			if !strings.Contains(shown, "Bearer canary-4711") {
				t.Errorf("the answer is %s", shown)
			}
			db := st.(interface {
				DB() *bun.DB
				Schema() string
			})
			table := map[string]string{"sqlite": db.Schema() + "_subscriptions", "postgres": `"` + db.Schema() + `".subscriptions`}[name]
			rows := f.rows(db.DB().DB, fmt.Sprintf("SELECT * FROM %s", table))
			if text := strings.Join(rows, "\n"); strings.Contains(text, "canary-4711") || !strings.Contains(text, "Authorization") {
				t.Errorf("the table holds %s", text)
			}
		})
	}
}
