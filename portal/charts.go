package portal

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/ecg-api/webhooks/client"
)

// sparkline draws the success rate of each bucket as a bar. A bucket without attempts has no bar.
func (l *language) sparkline(buckets []client.StatsBucket) template.HTML {
	const width, height = 4, 20
	var bars strings.Builder
	attempts, succeeded := 0, 0
	for i, b := range buckets {
		attempts, succeeded = attempts+b.Attempts, succeeded+b.Succeeded
		if b.SuccessRate == nil {
			continue
		}
		good := height * *b.SuccessRate
		fmt.Fprintf(&bars, `<rect class="bad" x="%d" y="0" width="%d" height="%.1f"/><rect class="good" x="%[1]d" y="%.1[3]f" width="%[2]d" height="%.1[4]f"/>`,
			i*(width+1), width, height-good, good)
	}
	title, _ := l.t("sparkline.none")
	text := "–"
	if attempts > 0 {
		rate := l.percent(float64(succeeded) / float64(attempts))
		title, _ = l.t("sparkline.title", rate, attempts)
		text = rate
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers, and texts that are escaped here
		`<svg class="spark" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%[3]s"><title>%[3]s</title><path class="axis" d="M0 %[6]d.5H%[1]d"/>%[4]s</svg> <span>%[5]s</span>`,
		max(1, len(buckets))*(width+1), height+1, template.HTMLEscapeString(title), bars.String(), template.HTMLEscapeString(text), height))
}
