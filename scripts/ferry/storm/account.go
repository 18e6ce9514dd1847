package storm

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/report"
)

// lineEvery is how often a line is printed where the output is no terminal.
const lineEvery = 30 * time.Second

// introduce prints what is about to happen.
func (s *storm) introduce() {
	o := s.options
	s.tell.Plain("Two buckets move from Qiniu Kodo to Alibaba Cloud OSS again and again, through a storm of %s (seed %d).", o.Length, o.StandIns.Seed)
	switch o.StandIns.Platform {
	case standins.FC:
		s.tell.Plain("The work is done by the functions' own binaries on a stand-in of Function Compute, with queues at MNS.")
	case standins.Lambda:
		s.tell.Plain("The work is done by the functions' own binaries on a stand-in of AWS Lambda, with queues at SQS.")
	default:
		s.tell.Plain("The work is done by %d processes of ferry agent, with queues at a stand-in of MNS.", agentCount)
	}
	n := 0
	for _, m := range s.moves {
		n += len(m.keys)
	}
	s.tell.Plain("%s at the source; %s.", words.Count(int64(n), "object", "objects"), s.clock.whose)
	s.tell.Plain("")
}

// show prints how far the storm is: on a terminal in a line that is redrawn, elsewhere in a
// line every 30 seconds. end stops it.
func (s *storm) show(ctx context.Context) (end func()) {
	if end, ok := show.Line(s.tell.Writer(), s.stands); ok {
		return end
	}
	ctx, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(lineEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.tell.Plain("%s", s.stands())
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { stop(); done.Wait() }
}

// stands returns in a line how far the storm is.
func (s *storm) stands() string {
	total := int64(0)
	for _, k := range Kinds() {
		if k.Name != clockKind { // nearly every request is one of these
			total += k.count(s)
		}
	}
	seen := 0
	for _, m := range s.moves {
		m.mu.Lock()
		seen += m.seen
		m.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	when := "storm"
	if s.calm.Load() {
		when = "calm"
	}
	return fmt.Sprintf("%5.0f s  %s: %s met, %s killed; %s ended, %d under way, %s stored", time.Since(s.began).Seconds(), when,
		words.Count(total, "fault", "faults"), words.Count(s.faults.killed(), "process", "processes"), words.Count(int64(len(s.runs.over)), "run", "runs"), len(s.runs.open), words.Count(int64(seen), "object", "objects"))
}

// account prints how the storm ended, and holds it against what must be.
func (s *storm) account() Summary {
	sum := Summary{Seed: s.options.StandIns.Seed, Platform: s.options.StandIns.Platform, Seconds: time.Since(s.began).Round(time.Millisecond).Seconds(), Faults: map[string]int64{}}
	steps := s.log.last()
	for _, name := range s.runs.unended() {
		s.found("run %s did not end within %s of calm", name, calmLimit)
	}
	var text strings.Builder
	text.WriteString("\nFaults met\n")
	for _, k := range Kinds() {
		n := k.count(s)
		sum.Faults[k.Name] = n
		if n == 0 {
			s.found("there were no %s", k.What)
		}
		fmt.Fprintf(&text, "  %8s  %s\n", humanize.Comma(n), k.What)
	}
	fmt.Fprintf(&text, "            (%s)\n", s.clock.whose)
	same, own, seen := 0, 0, 0
	for _, m := range s.moves {
		found, a, b := m.check()
		s.findings = append(s.findings, found...)
		same, own, seen = same+a, own+b, seen+m.seen
		o := m.last.Report.Objects
		sum.Objects += o.Listed
		sum.Verified += o.Verified
		sum.Conflict += o.Conflict
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := map[report.Result]int{}
	for _, r := range s.runs.over {
		o := r.report.Objects
		sum.Runs++
		sum.Copied, sum.Deleted, sum.Failed = sum.Copied+o.Copied, sum.Deleted+o.Deleted, sum.Failed+r.failed
		ends[r.report.Result]++
	}
	text.WriteString("\nWhat became of it\n")
	for _, line := range []struct {
		n    int64
		what string
	}{
		{int64(sum.Runs), fmt.Sprintf("runs ended, each with books that balance (%d verified, %d with something for a person)", ends[report.Verified], ends[report.Incomplete])},
		{sum.Copied, "objects copied by all of them"},
		{sum.Deleted, "deletions mirrored"},
		{sum.Failed, "objects that were given up in the storm, and copied by a later run"},
		{int64(seen), "times an object became visible in the target, always as the source had it"},
		{sum.Objects, "objects at the source in the end"},
		{sum.Verified, "of them verified"},
		{sum.Conflict, "of them left alone, because the application wrote there"},
		{int64(same), "objects in the target that are byte for byte the source's"},
		{int64(own), "objects in the target that are byte for byte the application's"},
	} {
		fmt.Fprintf(&text, "  %8s  %s\n", humanize.Comma(line.n), line.what)
	}
	s.tell.Plain("%s", text.String())
	sum.Findings = s.findings
	sum.OK = len(s.findings) == 0
	s.findings.Print(s.tell)
	if len(s.runs.open) > 0 {
		s.tell.Plain("The last %d steps:", keptLines)
		for _, line := range steps {
			s.tell.Plain("  %s", line)
		}
	}
	s.tell.Plain("Log: %s", s.log.file.Name())
	if sum.OK {
		s.tell.Plain("Every run ended, and every object is as it must be.")
	}
	return sum
}
