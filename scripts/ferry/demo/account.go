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
)

// introduce prints what is about to happen.
func (w *world) introduce() {
	w.tell.Plain("A bucket moves from Qiniu Kodo to Alibaba Cloud OSS while everything goes wrong.")
	w.tell.Plain("Both clouds are stand-ins in this process, behind their real SDKs; nothing else is reached.")
	w.tell.Plain("")
	w.tell.Plain("  from  kodo://%s   %s objects, %s (seed %d)", standins.Source, humanize.Comma(int64(len(w.objects))), words.Size(w.bytes), w.options.StandIns.Seed)
	w.tell.Plain("  to    oss://%s   empty; the ledger is kept there too, below %s", standins.Target, standins.Ledger)
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
	w.tell.Plain("Report: %s", page)
	if len(found) == 0 {
		w.tell.Plain("Every object ended exactly as it must.")
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
	w.tell.Plain("Faults injected")
	for _, line := range []struct {
		n    int64
		what string
	}{
		{source[chaos.Flip], "downloads with a flipped byte: " + w.seen.visible()},
		{source[chaos.Reset], "downloads whose connection broke"},
		{source[chaos.Status], "requests the source refused or failed (403, 503)"},
		{source[chaos.Throttle], "downloads the source found too frequent (573)"},
		{source[chaos.EmptyPage], "pages of the listing that were empty and not the last"},
		{target[chaos.Status], "PUTs the target failed (503), the ledger's included"},
		{target[chaos.Lost], "PUTs the target did and never answered, the ledger's included"},
	} {
		w.tell.Plain("  %5d  %s", line.n, line.what)
	}
	if w.seen.died.stored > 0 && w.clouds.Cloud != nil {
		w.tell.Plain("      1  instance killed in mid-task, with %s stored", words.Count(int64(w.seen.died.stored), "object", "objects"))
	} else if w.seen.died.stored > 0 {
		w.tell.Plain("      1  worker dead in mid-batch, with %s stored; %s read a second time", words.Count(int64(w.seen.died.stored), "object", "objects"), words.Count(w.check.readAgain(), "of them was", "of them were"))
	}
}

// visible returns in words how many damaged objects were ever visible in the target.
func (seen *sightings) visible() string {
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.wrong) > 0 {
		return words.Count(int64(len(seen.wrong)), "damaged object was", "damaged objects were") + " visible"
	}
	return "none ever became visible"
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
	ck.w.tell.Plain("Objects with a story")
	for _, o := range stories(ck.w.objects) {
		r := rows[o.Key]
		mark := "ok"
		if !o.want.Holds(r) {
			mark = "NO"
		}
		ck.w.tell.Plain("  %-3s %s: %s", mark, strconv.Quote(o.Key), o.story)
		ck.w.tell.Plain("      %s", r)
		if o.moral != "" && mark == "ok" {
			ck.w.tell.Plain("      %s", o.moral)
		}
	}
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
	w.tell.Plain("Requests for %s objects read", humanize.Comma(int64(len(w.seen.gets))))
	w.tell.Plain("  %s GETs (%.2f an object, %d at most) and %s PUTs (%.2f an object) with all these faults; without any it is one of each",
		humanize.Comma(int64(gets)), float64(gets)/float64(len(w.seen.gets)), w.seen.gets[most], humanize.Comma(int64(puts)), float64(puts)/float64(len(w.seen.puts)))
	w.tell.Plain("  kodo  %s", counted(w.clouds.Kodo.Desk().Counts()))
	w.tell.Plain("  oss   %s, the ledger's included", counted(w.clouds.OSS.Desk().Counts()))
	service, counts := w.clouds.QueueRequests()
	w.tell.Plain("  %s   %s", service, counted(counts))
	if w.clouds.Cloud != nil {
		w.invocations()
	}
}

// invocations prints what the platform did.
func (w *world) invocations() {
	w.tell.Plain("")
	w.tell.Plain("Functions")
	stats := w.clouds.Cloud.Stats()
	for _, name := range slices.Sorted(maps.Keys(stats)) {
		s := stats[name]
		w.tell.Plain("  %-13s %s, %s, at most %d at once, %d failed and delivered again", name,
			words.Count(int64(s.Invocations), "invocation", "invocations"), words.Count(int64(s.ColdStarts), "cold start", "cold starts"), s.MaxInstances, s.Failures)
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
