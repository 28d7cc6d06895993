package portal

import (
	"cmp"
	"fmt"
	"html/template"
	"strings"
	"time"

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
		fmt.Fprintf(&bars, `<rect class="bad" x="%d" y="0" width="%d" height="%.1f"/>`+
			`<rect class="good" x="%[1]d" y="%.1[3]f" width="%[2]d" height="%.1[4]f"/>`, i*(width+1), width, height-good, good)
	}
	title, _ := l.t("sparkline.none")
	text := "–"
	if attempts > 0 {
		rate := l.percent(float64(succeeded) / float64(attempts))
		title, _ = l.t("sparkline.title", rate, attempts)
		text = rate
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers, and texts that are escaped here
		`<svg class="spark" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%[3]s"><title>%[3]s</title>`+
			`<path class="axis" d="M0 %[6]d.5H%[1]d"/>%[4]s</svg> <span>%[5]s</span>`,
		max(1, len(buckets))*(width+1), height+1, template.HTMLEscapeString(title), bars.String(), template.HTMLEscapeString(text), height))
}

// The area of a chart, in the units of its SVG.
const (
	chartWidth  = 480
	chartHeight = 160
	plotLeft    = 58
	plotTop     = 12
	plotBottom  = 24
	plotHeight  = chartHeight - plotTop - plotBottom
)

// countsChart draws for each bucket the attempts that succeeded and, above them, the attempts that failed. Failures are hatched, so
// that the colours are not the only difference.
func (l *language) countsChart(buckets []client.StatsBucket) template.HTML {
	top := 1
	for _, b := range buckets {
		top = max(top, b.Attempts)
	}
	top = roundUp(top)
	step := float64(chartWidth-plotLeft) / float64(max(1, len(buckets)))
	var bars strings.Builder
	bar := func(i int, class string, from, count int) {
		if count > 0 {
			unit := float64(plotHeight) / float64(top)
			fmt.Fprintf(&bars, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class,
				plotLeft+step*float64(i)+step*0.15, plotTop+plotHeight-unit*float64(from+count), step*0.7, unit*float64(count))
		}
	}
	for i, b := range buckets {
		bar(i, "good", 0, b.Succeeded)
		bar(i, "failures", b.Succeeded, b.Failed)
	}
	const hatch = `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
		`<rect class="bad" width="6" height="6"/><path class="gap" d="M0 0V6"/></pattern></defs>`
	return l.chart("counts", l.number(top), buckets, hatch+bars.String())
}

// durationsChart draws the percentiles of the durations as lines, each with a dash of its own. A bucket without attempts
// interrupts the lines.
func (l *language) durationsChart(buckets []client.StatsBucket) template.HTML {
	percentiles := []func(client.StatsBucket) *int64{
		func(b client.StatsBucket) *int64 { return b.P50Ms },
		func(b client.StatsBucket) *int64 { return b.P95Ms },
		func(b client.StatsBucket) *int64 { return b.P99Ms },
	}
	top := 1
	for _, b := range buckets {
		if b.P99Ms != nil {
			top = max(top, int(*b.P99Ms))
		}
	}
	top = roundUp(top)
	step := float64(chartWidth-plotLeft) / float64(max(1, len(buckets)))
	var lines strings.Builder
	for i, of := range percentiles {
		var points strings.Builder
		move := "M"
		for j, b := range buckets {
			value := of(b)
			if value == nil {
				move = "M"
				continue
			}
			x, y := plotLeft+step*(float64(j)+0.5), plotTop+plotHeight*(1-float64(*value)/float64(top))
			fmt.Fprintf(&points, "%s%.1f %.1f", move, x, y)
			if move == "M" {
				points.WriteString("h0.1") // a single bucket is a dot
			}
			move = "L"
		}
		fmt.Fprintf(&lines, `<path class="line line%d" d="%s"/>`, i, points.String())
	}
	topText := l.duration(time.Duration(top) * time.Millisecond)
	return l.chart("durations", topText, buckets, lines.String())
}

// chart draws the axes around a drawing, and describes it by the texts of its kind. The script shows the times in the zone of the
// browser.
func (l *language) chart(kind, top string, buckets []client.StatsBucket, drawing string) template.HTML {
	var times strings.Builder
	for _, i := range []int{0, len(buckets) / 2, len(buckets) - 1} {
		if i < 0 || i >= len(buckets) || i == 0 && times.Len() > 0 {
			continue
		}
		anchor := map[int]string{0: "start", len(buckets) - 1: "end"}[i]
		x := plotLeft + (chartWidth-plotLeft)*i/max(1, len(buckets)-1)
		from := buckets[i].From.UTC()
		fmt.Fprintf(&times, `<text x="%d" y="%d" text-anchor="%s" data-time="%s">%s</text>`, x, chartHeight-6,
			cmp.Or(anchor, "middle"), from.Format(time.RFC3339), from.Format("15:04"))
	}
	title, _ := l.t("chart." + kind)
	description, _ := l.t("chart." + kind + "_text")
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers, and texts that are escaped here
		`<svg class="chart" viewBox="0 0 %d %d" role="img" aria-labelledby="%[3]s-title %[3]s-text"><title id="%[3]s-title">%[4]s</title>`+
			`<desc id="%[3]s-text">%[5]s</desc><path class="axis" d="M%[6]d %[7]d.5H%[1]dM%[6]d %[8]d.5H%[1]d"/>`+
			`<text x="%[9]d" y="%[10]d" text-anchor="end">%[11]s</text><text x="%[9]d" y="%[12]d" text-anchor="end">0</text>%[13]s%[14]s</svg>`,
		chartWidth, chartHeight, kind, template.HTMLEscapeString(title), template.HTMLEscapeString(description),
		plotLeft, plotTop, plotTop+plotHeight, plotLeft-8, plotTop+5, template.HTMLEscapeString(top), plotTop+plotHeight+4,
		drawing, times.String()))
}

// roundUp returns the next number of the form 1, 2 or 5 times a power of ten.
func roundUp(n int) int {
	for power := 1; ; power *= 10 {
		for _, digit := range []int{1, 2, 5} {
			if digit*power >= n {
				return digit * power
			}
		}
	}
}
