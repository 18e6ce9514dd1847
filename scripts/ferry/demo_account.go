package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

// introduce says what is about to happen.
func (w *demoWorld) introduce() {
	w.tell.plain("A bucket moves from Qiniu Kodo to Alibaba Cloud OSS while everything goes wrong.")
	w.tell.plain("Both clouds are stand-ins in this process, behind their real SDKs; nothing else is reached.")
	w.tell.plain("")
	w.tell.plain("  from  kodo://%s   %s objects, %s (seed %d)", demoSource, humanize.Comma(int64(len(w.objects))), sized(w.bytes), w.options.seed)
	w.tell.plain("  to    oss://%s   empty; the ledger is kept there too, below %s", demoTarget, demoLedger)
	w.tell.plain("")
}

// account prints how the run ended and holds it against what must be, past
// Ferry: the rows of its record, the bytes in the target's memory, and what was
// seen at every store. It returns how many things differ.
func (w *demoWorld) account(run demoRun, page string) int {
	var found findings
	w.summary(run)
	w.faults()
	rows := w.checkRows(run, &found)
	w.tellStories(rows)
	w.checkBooks(run, &found)
	w.checkBytes(&found)
	w.checkStores(&found)
	w.requests()
	w.tell.plain("")
	for i, f := range found {
		if i == 20 {
			w.tell.plain("  … and %d more", len(found)-i)
			break
		}
		w.tell.plain("  DIFFERS  %s", f)
	}
	w.tell.plain("Report: %s", page)
	if len(found) == 0 {
		w.tell.plain("Every object ended exactly as it must.")
	}
	return len(found)
}

// findings are what differs from what must be.
type findings []string

func (f *findings) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// said prints a check and what it found since.
func (w *demoWorld) said(found findings, before int, format string, args ...any) {
	mark := "ok"
	if len(found) > before {
		mark = "NO"
	}
	w.tell.plain("  %-3s %s", mark, fmt.Sprintf(format, args...))
}

// summary prints the result, in the lines that every copy ends with.
func (w *demoWorld) summary(run demoRun) {
	w.tell.plain("%11s%s", "", w.live.repeated())
	w.tell.plain("")
	var text strings.Builder
	_ = printSummary(&text, run.report) // a strings.Builder takes everything
	w.tell.plain("%s", strings.TrimSuffix(text.String(), "\n"))
}

// faults prints what was injected and what became of it.
func (w *demoWorld) faults() {
	source, target := w.kodo.Desk().Injected(), w.oss.Desk().Injected()
	w.tell.plain("")
	w.tell.plain("Faults injected")
	for _, line := range []struct {
		n    int64
		what string
	}{
		{source[chaos.Flip], "downloads with a flipped byte: " + w.visible()},
		{source[chaos.Reset], "downloads whose connection broke"},
		{source[chaos.Status], "requests the source refused or failed (403, 503)"},
		{source[chaos.Throttle], "downloads the source found too frequent (573)"},
		{source[chaos.EmptyPage], "pages of the listing that were empty and not the last"},
		{target[chaos.Status], "PUTs the target failed (503), the ledger's included"},
		{target[chaos.Lost], "PUTs the target did and never answered, the ledger's included"},
	} {
		w.tell.plain("  %5d  %s", line.n, line.what)
	}
	if w.died.stored > 0 && w.cloud != nil {
		w.tell.plain("      1  instance killed in mid-task, with %s stored", numbers(int64(w.died.stored), "object", "objects"))
	} else if w.died.stored > 0 {
		w.tell.plain("      1  worker dead in mid-batch, with %s stored; %s read a second time", numbers(int64(w.died.stored), "object", "objects"), numbers(w.readAgain(), "of them was", "of them were"))
	}
}

// visible says how many wrong bytes were ever visible in the target.
func (w *demoWorld) visible() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) > 0 {
		return numbers(int64(len(w.wrong)), "damaged object was", "damaged objects were") + " visible"
	}
	return "none ever became visible"
}

// readAgain counts the objects that the dead worker had stored and that were
// read again all the same, though nothing had gone wrong with them.
func (w *demoWorld) readAgain() (n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.died.keys {
		if w.gets[key] > 1+w.faulty[key] {
			n++
		}
	}
	return n
}

// checkRows holds the record against what must be: one row an object, each as it must end.
func (w *demoWorld) checkRows(run demoRun, found *findings) map[string]demoRow {
	rows := make(map[string]demoRow, len(run.rows))
	for _, r := range run.rows {
		if _, twice := rows[r.key]; twice {
			found.add("%q has two rows", r.key)
		}
		rows[r.key] = r
		if w.byKey[r.key] == nil {
			found.add("%q has a row, and never was in the source", r.key)
		}
	}
	for _, o := range w.objects {
		r, ok := rows[o.Key]
		switch {
		case !ok:
			found.add("%q has no row", o.Key)
		case !o.want.holds(r):
			found.add("%q is %s, want %s", o.Key, r, o.want)
		}
	}
	return rows
}

func (r demoRow) String() string {
	s := string(r.state)
	if r.verdict != "" {
		s += ", " + string(r.verdict)
	}
	if r.proof != "" {
		s += ", proved by " + string(r.proof)
	}
	if r.reason != "" {
		s += ": " + r.reason
	}
	return s
}

// tellStories prints what became of the objects with a story.
func (w *demoWorld) tellStories(rows map[string]demoRow) {
	w.tell.plain("")
	w.tell.plain("Objects with a story")
	for _, o := range stories(w.objects) {
		r := rows[o.Key]
		mark := "ok"
		if !o.want.holds(r) {
			mark = "NO"
		}
		w.tell.plain("  %-3s %s: %s", mark, shown(o.Key), o.story)
		w.tell.plain("      %s", r)
		if o.moral != "" && mark == "ok" {
			w.tell.plain("      %s", o.moral)
		}
	}
}

// checkBooks holds the report's numbers against the rows.
func (w *demoWorld) checkBooks(run demoRun, found *findings) {
	before := len(*found)
	w.tell.plain("")
	w.tell.plain("Checked past Ferry")
	counts := map[ledger.State]int64{}
	for _, r := range run.rows {
		counts[r.state]++
	}
	o := run.report.Objects
	for _, c := range []struct {
		state ledger.State
		n     int64
	}{
		{ledger.Copied, o.Copied}, {ledger.Unchanged, o.Unchanged}, {ledger.Skipped, o.Skipped},
		{ledger.Conflict, o.Conflict}, {ledger.Gone, o.Gone}, {ledger.Failed, o.Failed},
	} {
		if counts[c.state] != c.n {
			found.add("the report counts %d %s, its rows %d", c.n, c.state, counts[c.state])
		}
	}
	if o.Listed != int64(len(w.objects)) || !run.report.Balanced {
		found.add("the report lists %d objects (balanced: %v), the source had %d", o.Listed, run.report.Balanced, len(w.objects))
	}
	if run.report.Result != pipeline.ResultIncomplete {
		found.add("the result is %s, want %s: some objects need a person", run.report.Result, pipeline.ResultIncomplete)
	}
	w.said(*found, before, "one row for each of the %s objects, each as it must end; the books balance", humanize.Comma(int64(len(w.objects))))
}

// checkBytes compares every object in the target's memory with what was made up.
func (w *demoWorld) checkBytes(found *findings) {
	before, same := len(*found), 0
	for _, o := range w.objects {
		stored, there := w.oss.Get(demoTarget, o.Key)
		var want io.Reader
		switch {
		case o.ours != nil:
			want = bytes.NewReader(o.ours)
		case o.newer != nil:
			want = bytes.NewReader(o.newer)
		case o.want.state == ledger.Copied:
			want = o.Content()
		}
		switch {
		case want == nil && there:
			found.add("%q is in the target, and must not be", o.Key)
		case want != nil && !there:
			found.add("%q is not in the target", o.Key)
		case want != nil && !equal(want, stored.Body):
			found.add("%q has other bytes in the target", o.Key)
		case want != nil:
			same++
		}
	}
	for _, key := range w.oss.Keys(demoTarget) {
		if w.byKey[key] == nil && !strings.HasPrefix(key, demoLedger) {
			found.add("%q is in the target, and never was in the source", key)
		}
	}
	w.said(*found, before, "%s objects in the target have, byte for byte, what was made up; there is no other", humanize.Comma(int64(same)))
}

// equal reports whether r has exactly these bytes.
func equal(r io.Reader, body []byte) bool {
	buf := make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(r, buf)
		if n > len(body) || !bytes.Equal(buf[:n], body[:n]) {
			return false
		}
		body = body[n:]
		if err != nil {
			return len(body) == 0
		}
	}
}

// checkStores looks at what was seen each time an object became visible.
func (w *demoWorld) checkStores(found *findings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(*found)
	slices.Sort(w.wrong)
	for _, key := range slices.Compact(w.wrong) {
		found.add("%q had wrong bytes in the target for a while", key)
	}
	w.said(*found, before, "%s times an object became visible in the target, and never with a wrong byte", humanize.Comma(int64(w.stores)))
	for _, o := range w.cast[:mislabelled] {
		if !w.done[o] {
			found.add("%q was to be %s, and was not", o.Key, o.story)
		}
	}
	if w.died.stored == 0 {
		found.add("no worker died")
	}
}

// requests prints what the run cost.
func (w *demoWorld) requests() {
	w.mu.Lock()
	defer w.mu.Unlock()
	gets, most := 0, ""
	for key, n := range w.gets {
		gets += n
		if most == "" || n > w.gets[most] {
			most = key
		}
	}
	puts := 0
	for _, n := range w.puts {
		puts += n
	}
	w.tell.plain("")
	w.tell.plain("Requests for %s objects read", humanize.Comma(int64(len(w.gets))))
	w.tell.plain("  %s GETs (%.2f an object, %d at most) and %s PUTs (%.2f an object) with all these faults; without any it is one of each",
		humanize.Comma(int64(gets)), float64(gets)/float64(len(w.gets)), w.gets[most], humanize.Comma(int64(puts)), float64(puts)/float64(len(w.puts)))
	w.tell.plain("  kodo  %s", counted(w.kodo.Desk().Counts()))
	w.tell.plain("  oss   %s, the ledger's included", counted(w.oss.Desk().Counts()))
	w.tell.plain("  mns   %s", counted(w.mns.Desk().Counts()))
	if w.cloud != nil {
		w.invocations()
	}
}

// invocations prints what the platform did.
func (w *demoWorld) invocations() {
	w.tell.plain("")
	w.tell.plain("Functions")
	stats := w.cloud.Stats()
	for _, name := range slices.Sorted(maps.Keys(stats)) {
		s := stats[name]
		w.tell.plain("  %-13s %s, %s, at most %d at once, %d failed and delivered again", name,
			numbers(int64(s.Invocations), "invocation", "invocations"), numbers(int64(s.ColdStarts), "cold start", "cold starts"), s.MaxInstances, s.Failures)
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
