package portal_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/portal"
)

var update = flag.Bool("update", false, "write the files that the tests compare with")

// listOfPages has the pattern of each page. The suite in package browser visits all of them.
const listOfPages = "browser/testdata/pages.txt"

func TestTheListOfPagesHasEachPage(t *testing.T) {
	t.Parallel()
	all := portal.Pages()
	slices.Sort(all)
	want := strings.Join(all, "\n") + "\n"
	if *update {
		if err := os.WriteFile(listOfPages, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(listOfPages); err != nil || string(got) != want {
		t.Errorf("%s (%v):\n%swant\n%swrite it with go test ./portal -run ListOfPages -update", listOfPages, err, got, want)
	}
}
