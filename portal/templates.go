package portal

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// pageTemplate is a page in each language.
type pageTemplate struct {
	byLanguage map[string]*template.Template
}

// parsePages parses templates/layout.html and the parts in templates/parts.html with each other file of templates. A file defines
// "title" and "content".
func (p *portal) parsePages() (map[string]*pageTemplate, error) {
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	pages := map[string]*pageTemplate{}
	for _, l := range p.languages.all {
		shared, err := template.New("layout.html").Funcs(l.functions()).
			ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
		if err != nil {
			return nil, err
		}
		for _, file := range names {
			name := strings.TrimSuffix(file.Name(), ".html")
			if name == "layout" || name == "parts" {
				continue
			}
			t, err := template.Must(shared.Clone()).ParseFS(templateFiles, path.Join("templates", file.Name()))
			if err != nil {
				return nil, err
			}
			if pages[name] == nil {
				pages[name] = &pageTemplate{map[string]*template.Template{}}
			}
			pages[name].byLanguage[l.tag] = t
		}
	}
	return pages, nil
}

func (t *pageTemplate) execute(w io.Writer, l *language, f *frame) error {
	if err := t.byLanguage[l.tag].Execute(w, f); err != nil {
		return fmt.Errorf("portal: template: %w", err)
	}
	return nil
}
