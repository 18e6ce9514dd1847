package pipeline_test

import (
	"context"
	"fmt"
	"iter"
	"sort"
	"strconv"
	"testing"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// BenchmarkRun moves 5,000 small objects in memory: what the pipeline itself
// costs an object, the ledger and three passes over every key included.
func BenchmarkRun(b *testing.B) {
	const objects = 5000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, func(*job.Job) {})
		w.fill(objects, 1)
		b.StartTimer()
		w.drive(b.Context(), 0, w.start()...)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/objects, "µs/object")
}

// BenchmarkListing lists 200,000 keys that are in memory: what the pipeline costs a key from
// the page that it is on until its row is in the ledger.
func BenchmarkListing(b *testing.B) {
	const keys = 200_000
	var all []store.Page
	for i := range keys {
		if i%store.KeysPerPage == 0 {
			all = append(all, store.Page{Next: fmt.Sprint(len(all) + 1)})
		}
		p := &all[len(all)-1]
		p.Objects = append(p.Objects, store.Object{
			Key: fmt.Sprintf("photos/2026/%09d-%06x.jpg", i, i*7919%(1<<24)), Size: 8192, Hash: digest.QetagOf([]byte(fmt.Sprint(i % 4096))),
			Modified: epoch.Add(time.Duration(i) * 7919 * time.Microsecond), Type: "image/jpeg", Class: store.Standard,
		})
	}
	all[len(all)-1].Next = ""
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, func(j *job.Job) { j.Limits.Fanout = 1 })
		w.source = func(store.Source) store.Source { return inMemory{all: all} }
		w.fresh()
		open := w.start()
		b.StartTimer()
		for len(open) > 0 {
			t := open[0]
			if open = open[1:]; t.Kind != task.List {
				continue
			}
			next, err := w.pipe.Do(b.Context(), t)
			if err != nil {
				b.Fatal(err)
			}
			open = append(open, next...)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/keys, "ns/key")
}

// inMemory is a source whose pages are in memory, each of as many keys as a page may have.
type inMemory struct {
	store.Source
	all []store.Page
}

func (s inMemory) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return store.Pages{Op: "list", Cut: store.UTF8Prefix, Read: func(_ context.Context, q store.Query, next string) (store.Page, error) {
		i := 0
		if next != "" {
			i, _ = strconv.Atoi(next)
		} else if q.After != "" {
			i = max(0, sort.Search(len(s.all), func(i int) bool { return s.all[i].Objects[0].Key > q.After })-1)
		}
		return s.all[i], nil
	}}.List(ctx, r)
}

// BenchmarkTwoProcessesShareABandwidth moves 100 MiB by two processes that may
// read 20 MiB a second together, on the real clock. It takes five seconds.
func BenchmarkTwoProcessesShareABandwidth(b *testing.B) {
	const objects, size = 100, mib
	for b.Loop() {
		b.StopTimer()
		f := newFleet(b, func(j *job.Job) { j.Limits.Bandwidth.Rate, j.Limits.BatchObjects = 20*mib, 5 })
		f.objects(objects, size)
		f.process("one")
		f.process("two")
		b.StartTimer()
		f.start()
		f.wait()
		last := f.read[len(f.read)-1].at.Seconds()
		b.ReportMetric(objects*size/mib/(last-f.read[0].at.Seconds()), "MiB/s")
		b.ReportMetric(f.rate(&f.read, "one", 0, 60)*60/mib, "MiB/one")
	}
}
