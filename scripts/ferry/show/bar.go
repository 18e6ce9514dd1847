package show

import (
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Steps shows a bar of so many steps where w is a terminal; elsewhere nothing. step
// advances it and shows what begins; stop removes it, and may be called again.
func Steps(w io.Writer, steps int64) (step func(scenario, what string), stop func()) {
	f, ok := w.(*os.File)
	if !ok || !IsTerminal(f) {
		return func(string, string) {}, func() {}
	}
	var mu sync.Mutex
	now := ""
	bars := mpb.New(mpb.WithOutput(f), mpb.WithRefreshRate(barEvery), mpb.WithWidth(40))
	bar := bars.New(steps+1, mpb.BarStyle().Lbound(" ").Rbound(" ").Filler("━").Tip("━").Padding("─"),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			mu.Lock()
			defer mu.Unlock()
			return now
		})))
	step = func(scenario, what string) {
		mu.Lock()
		now = scenario + ": " + what
		mu.Unlock()
		bar.Increment()
	}
	return step, sync.OnceFunc(func() {
		bar.Abort(true)
		bars.Wait()
	})
}

// Line shows text in one line that is redrawn until end, where w is a terminal. Elsewhere
// ok is false and nothing is shown.
func Line(w io.Writer, text func() string) (end func(), ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !IsTerminal(f) {
		return nil, false
	}
	bars := mpb.New(mpb.WithOutput(f), mpb.WithRefreshRate(barEvery))
	bar := bars.New(0, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return text() })))
	return func() {
		bar.Abort(true)
		bars.Wait()
	}, true
}
