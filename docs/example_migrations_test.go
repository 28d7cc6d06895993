package docs_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/ecg-api/webhooks/store/bunstore"
)

var _ = writeMigrations

// writeMigrations writes files for golang-migrate. The guide shows it.
func writeMigrations() error {
	migrations, err := bunstore.SQL("postgres", "webhooks")
	if err != nil {
		return err
	}
	for _, m := range migrations {
		name := fmt.Sprintf("migrations/%06d_webhooks_%s", m.Version, m.Name)
		if err := errors.Join(
			os.WriteFile(name+".up.sql", []byte(m.Up), 0o644),
			os.WriteFile(name+".down.sql", []byte(m.Down), 0o644),
		); err != nil {
			return err
		}
	}
	return nil
}
