package bunstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store/bunstore/internal/session"
)

// checkSession refuses a session whose settings change the meaning of statements or of
// their results. It looks at one connection of the pool, and so finds the settings of the
// server, the database and the role. It misses a connection on which the host itself ran SET:
// there, only literals are safe.
func (d postgres) checkSession(ctx context.Context, db bun.IDB) error {
	settings := slices.Concat(session.Required, session.Planner)
	values := make([]string, len(settings))
	columns, into := make([]string, len(settings)), make([]any, len(settings))
	for i, setting := range settings {
		columns[i], into[i] = "current_setting('"+setting.Name+"')", &values[i]
	}
	if err := db.QueryRowContext(ctx, "SELECT "+strings.Join(columns, ", ")).Scan(into...); err != nil {
		return err
	}
	var wrong []string
	planned := true
	for i, setting := range settings {
		switch {
		case setting.Accepts(values[i]):
		case i < len(session.Required):
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", setting.Name, values[i], setting.Value))
		default:
			planned = false
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the settings of the database session do not suit the store: %s: "+
			"set them where the pool connects, or with ALTER ROLE … SET", strings.Join(wrong, "; "))
	}
	d.s.unplanned.Store(!planned)
	return nil
}

func (sqlite) checkSession(context.Context, bun.IDB) error { return nil }
