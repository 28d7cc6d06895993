package portal_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store/memstore"
)

// maxFirstVisit bounds the page of the endpoints with all assets that it names, compressed, in bytes.
const maxFirstVisit = 40 << 10

var namedAssets = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)

func TestAFirstVisitLoads40KiBAtMost(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, memstore.New(), sample.Data{})
	s.header.Set("Accept-Encoding", "gzip")
	page := s.get(s.acme("endpoints")).is(http.StatusOK)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write([]byte(page.text))
	s.check(err)
	s.check(w.Close())
	total, named := zipped.Len(), namedAssets.FindAllStringSubmatch(page.text, -1)
	if len(named) < 4 {
		t.Fatalf("the page names %v: the test looks in the wrong place", named)
	}
	for _, n := range named {
		total += len(s.get(n[1]).is(http.StatusOK).text)
	}
	if total > maxFirstVisit {
		t.Errorf("a first visit loads %d bytes, more than %d", total, maxFirstVisit)
	}
	t.Logf("%d bytes, %d of them for the page", total, zipped.Len())
}

func TestAnAssetIsSentCompressedWithItsLength(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, n := range namedAssets.FindAllStringSubmatch(s.get(s.acme("endpoints")).text, -1) {
		for _, accepted := range []string{"", "br", "gzip;q=0", "br, gzip", "gzip;q=0.5"} {
			s.header.Set("Accept-Encoding", accepted)
			got := s.get(n[1]).is(http.StatusOK)
			h := got.resp.Header
			zipped := accepted == "br, gzip" || accepted == "gzip;q=0.5"
			if (h.Get("Content-Encoding") == "gzip") != zipped || h.Get("Vary") != "Accept-Encoding" ||
				h.Get("Content-Length") != strconv.Itoa(len(got.text)) {
				t.Errorf("%s, %q accepted: %d bytes with %v", n[1], accepted, len(got.text), h)
			}
		}
	}
}
