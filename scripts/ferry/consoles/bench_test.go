package consoles

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// BenchmarkRefreshes looks at the page of a run that goes on, for 15 s from when it is there,
// and tells by how long the longest task of a refresh held the browser up. The browser tells
// of tasks of 50 ms and more alone: 0 is none.
func BenchmarkRefreshes(b *testing.B) {
	ctx := newContext(b)
	s, err := serveDemo(20_000, true)
	if err != nil {
		b.Fatal(err)
	}
	p := s.enter(b, ctx)
	for b.Loop() {
		p.open("/runs/" + s.begun[Photos])
		p.until(`document.querySelector("#live")`)
		time.Sleep(2 * time.Second) // that is loading the page
		p.do(chromedp.Evaluate[chromedp.Void](`window.longest = 0; window.tasks = 0; new PerformanceObserver(l => l.getEntries().forEach(e => { window.tasks++; window.longest = Math.max(window.longest, e.duration) })).observe({type: "longtask"})`))
		// One of its own shows that the browser tells of them.
		p.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => { for (const end = performance.now() + 120; performance.now() < end;); }, 10)`))
		p.until("window.tasks > 0")
		p.do(chromedp.Evaluate[chromedp.Void]("window.longest = window.tasks = 0"))
		before := p.text()
		time.Sleep(15 * time.Second)
		if p.text() == before {
			b.Fatal("nothing was refreshed: the benchmark measures nothing")
		}
		b.ReportMetric(value[float64](p, "window.longest"), "ms/longest-task")
		b.ReportMetric(value[float64](p, "window.tasks"), "long-tasks")
	}
}
