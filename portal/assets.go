package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// bundles are files that are made of all files of a folder, in the order of their names.
var bundles = map[string]string{"css": "portal.css", "js": "portal.js"}

// assets serves scripts and styles. The name of a file in an address contains the hash of the content, so that browsers keep it.
type assets struct {
	names map[string]string // name in addresses, by name of the file
	files map[string]asset  // by name in addresses
}

type asset struct {
	contentType string
	plain       []byte
	zipped      []byte // nil: it would not be smaller
}

func newAssets() *assets {
	a := &assets{names: map[string]string{}, files: map[string]asset{}}
	entries, _ := assetFiles.ReadDir("assets") // embedded: it cannot fail
	for _, e := range entries {
		if e.IsDir() {
			a.add(bundles[e.Name()], bundle(e.Name()))
			continue
		}
		content, _ := assetFiles.ReadFile("assets/" + e.Name())
		a.add(e.Name(), content)
	}
	return a
}

func (a *assets) add(file string, content []byte) {
	sum := sha256.Sum256(content)
	extension := path.Ext(file)
	name := strings.TrimSuffix(file, extension) + "-" + hex.EncodeToString(sum[:6]) + extension
	a.names[file], a.files[name] = name, newAsset(extension, content)
}

func bundle(folder string) []byte {
	var all []byte
	entries, _ := assetFiles.ReadDir("assets/" + folder)
	for _, e := range entries {
		content, _ := assetFiles.ReadFile("assets/" + folder + "/" + e.Name())
		all = append(all, content...)
	}
	return all
}

func newAsset(extension string, content []byte) asset {
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	_, _ = w.Write(content) // a buffer takes everything
	_ = w.Close()
	contentType := mime.TypeByExtension(extension)
	switch extension {
	case ".js":
		contentType = "text/javascript; charset=utf-8"
	case ".css":
		contentType = "text/css; charset=utf-8"
	case ".svg":
		contentType = "image/svg+xml"
	case ".LICENSE":
		contentType = "text/plain; charset=utf-8"
	}
	file := asset{contentType: contentType, plain: content}
	if zipped.Len() < len(content) {
		file.zipped = zipped.Bytes()
	}
	return file
}

// ServeHTTP answers with the file, which never changes under its name.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	content := file.plain
	if file.zipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		content = file.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content)
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(coding) == "gzip" {
			return strings.ReplaceAll(weight, " ", "") != "q=0"
		}
	}
	return false
}
