package demo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/ledger"
)

// introduce prints what is about to happen.
func (w *world) introduce() {
	w.tell.Said("demo.what")
	w.tell.Said("demo.where")
	w.tell.Plain("")
	w.tell.Said("demo.from", standins.Source, humanize.Comma(int64(len(w.objects))), words.Size(w.bytes), w.options.StandIns.Seed)
	w.tell.Said("demo.to", standins.Target, standins.Ledger)
	w.tell.Plain("")
}

// account prints how the run ended and holds it against what must be, past
// Ferry: the rows of its record, the bytes in the target's memory, and what was
// seen at every store. It returns how many things differ.
func (w *world) account(run outcome.Record, page string) int {
	var found outcome.Findings
	w.summary(run)
	w.faults()
	rows := w.check.checkRows(run, &found)
	w.check.tellStories(rows)
	w.check.checkBooks(run, &found)
	w.check.checkBytes(&found)
	w.check.checkStores(&found)
	w.requests()
	w.tell.Plain("")
	found.Print(w.tell)
	w.tell.Said("demo.report", page)
	if len(found) == 0 {
		w.tell.Said("demo.well")
	}
	return len(found)
}

// summary prints the result, in the lines that every copy ends with.
func (w *world) summary(run outcome.Record) {
	w.tell.Plain("%11s%s", "", w.caught.Repeated())
	w.tell.Plain("")
	var text strings.Builder
	_ = show.Summary(&text, run.Report) // a strings.Builder takes everything
	w.tell.Plain("%s", strings.TrimSuffix(text.String(), "\n"))
}

// faults prints what was injected and what became of it.
func (w *world) faults() {
	source, target := w.clouds.Kodo.Desk().Injected(), w.clouds.OSS.Desk().Injected()
	w.tell.Plain("")
	w.tell.Said("demo.faults")
	for _, line := range []struct {
		n    int64
		what string
	}{
		{source[chaos.Flip], show.Sentence("demo.flipped", w.seen.visible())},
		{source[chaos.Reset], show.Sentence("demo.broke")},
		{source[chaos.Status], show.Sentence("demo.refused")},
		{source[chaos.Throttle], show.Sentence("demo.slow")},
		{source[chaos.EmptyPage], show.Sentence("demo.empty")},
		{target[chaos.Status], show.Sentence("demo.put_failed")},
		{target[chaos.Lost], show.Sentence("demo.put_lost")},
	} {
		w.tell.Plain("  %5d  %s", line.n, line.what)
	}
	if w.seen.died.stored > 0 && w.clouds.Cloud != nil {
		w.tell.Plain("      1  %s", show.Sentence("demo.instance_died", show.Count("objects", w.seen.died.stored)))
	} else if w.seen.died.stored > 0 {
		w.tell.Plain("      1  %s", show.Sentence("demo.worker_died", show.Count("objects", w.seen.died.stored), show.Count("ofthem", w.check.readAgain())))
	}
}

// visible returns in words how many damaged objects were ever visible in the target.
func (seen *sightings) visible() string {
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.wrong) > 0 {
		return show.Sentence("demo.visible", show.Count("damaged", len(seen.wrong)))
	}
	return show.Sentence("demo.invisible")
}

// readAgain counts the objects that the dead worker had stored and that were
// read again all the same, though nothing had gone wrong with them.
func (ck *check) readAgain() (n int64) {
	ck.w.seen.mu.Lock()
	defer ck.w.seen.mu.Unlock()
	for key := range ck.w.seen.died.keys {
		if ck.w.seen.gets[key] > 1+ck.w.seen.faulty[key] {
			n++
		}
	}
	return n
}

// tellStories prints what became of the objects with a story.
func (ck *check) tellStories(rows map[string]outcome.Row) {
	ck.w.tell.Plain("")
	ck.w.tell.Said("demo.stories")
	for _, o := range stories(ck.w.objects) {
		r := rows[o.Key]
		mark := "ok"
		if !o.want.Holds(r) {
			mark = "NO"
		}
		ck.w.tell.Plain("  %-3s %s", mark, show.Sentence("demo.story", strconv.Quote(o.Key), show.Sentence(o.story)))
		ck.w.tell.Plain("      %s", said(r))
		if o.moral != "" && mark == "ok" {
			ck.w.tell.Plain("      %s", show.Sentence(o.moral))
		}
	}
}

// said is a row as a person reads it.
func said(r outcome.Row) string {
	text := show.State(r.State)
	if r.Verdict != "" {
		text = show.Sentence("demo.and", text, show.State(ledger.State(r.Verdict)))
	}
	if r.Proof != "" {
		text = show.Sentence("demo.and", text, show.Sentence("why.proof", r.Proof))
	}
	if r.Reason != "" {
		text = show.Sentence("demo.because", text, show.Translated(r.Reason))
	}
	return text
}

// requests prints what the run cost.
func (w *world) requests() {
	w.seen.mu.Lock()
	defer w.seen.mu.Unlock()
	gets, most := 0, ""
	for key, n := range w.seen.gets {
		gets += n
		if most == "" || n > w.seen.gets[most] {
			most = key
		}
	}
	puts := 0
	for _, n := range w.seen.puts {
		puts += n
	}
	w.tell.Plain("")
	w.tell.Said("demo.requests", humanize.Comma(int64(len(w.seen.gets))))
	each := func(n, of int) string { return fmt.Sprintf("%.2f", float64(n)/float64(of)) }
	w.tell.Said("demo.each", humanize.Comma(int64(gets)), each(gets, len(w.seen.gets)), w.seen.gets[most], humanize.Comma(int64(puts)), each(puts, len(w.seen.puts)))
	w.tell.Plain("  kodo  %s", counted(w.clouds.Kodo.Desk().Counts()))
	w.tell.Plain("  oss   %s", show.Sentence("demo.ledger_too", counted(w.clouds.OSS.Desk().Counts())))
	service, counts := w.clouds.QueueRequests()
	w.tell.Plain("  %s   %s", service, counted(counts))
	if w.clouds.Cloud != nil {
		w.invocations()
	}
}

// invocations prints what the platform did.
func (w *world) invocations() {
	w.tell.Plain("")
	w.tell.Said("demo.functions")
	stats := w.clouds.Cloud.Stats()
	for _, name := range slices.Sorted(maps.Keys(stats)) {
		s := stats[name]
		w.tell.Plain("  %-13s %s", name, show.Sentence("demo.function", show.Count("invocations", s.Invocations), show.Count("coldstarts", s.ColdStarts), s.MaxInstances, s.Failures))
	}
}

// counted writes counts by name, the largest first.
func counted(counts map[string]int64) string {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %s", name, humanize.Comma(counts[name]))
	}
	return strings.Join(names, ", ")
}
