package httpapi_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(leaving{m}) }

// leaving drops the schemas of the tests before goroutines are counted.
type leaving struct{ m *testing.M }

func (l leaving) Run() int {
	code := l.m.Run()
	dsn := os.Getenv("WEBHOOKS_TEST_POSTGRES")
	if dsn == "" {
		return code
	}
	st, err := postgres.Open(context.Background(), dsn, postgres.Options{MaxConns: 1})
	if err == nil {
		err = schemas.Drop(st.DB().DB)
		_ = st.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
