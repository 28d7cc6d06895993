package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

// Webhooks in a file, for a service without a database server. The file is created if it is missing.
func Example() {
	folder, err := os.MkdirTemp("", "example")
	check(err)
	defer func() { check(os.RemoveAll(folder)) }()

	ctx := context.Background()
	st, err := sqlite.Open(ctx, filepath.Join(folder, "webhooks.db"), sqlite.Options{})
	check(err)
	defer func() { check(st.Close()) }()
	check(st.Migrate(ctx))
	hooks, err := webhooks.New(st, webhooks.Config{})
	check(err)
	check(hooks.Dispatcher.Start(ctx))
	dispatching, err := hooks.Health(ctx)
	fmt.Println("dispatching:", dispatching, "store:", err)
	check(hooks.Dispatcher.Stop(ctx))
	// Output: dispatching: true store: <nil>
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
