package contract

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// ossFacts returns the questions about OSS beyond the contract, each with a scratch
// of its own.
func (s Setup) ossFacts(written *cleanup) []item {
	var facts []item
	for i, f := range []struct {
		sentence string
		ask      func(context.Context, *recorder, *scratch)
	}{
		{"of many conditional PUTs of one key at the same time exactly one wins", conditional},
		{"an answer to a PUT names the CRC64 of what is stored", namesCRC},
		{"a listing shows at once what was put and what was deleted", listsAtOnce},
		{"a key of 1,023 bytes is taken and one more is refused", longestKey},
		{"an upload in parts answers the CRC64 of the whole", partsCRC},
	} {
		b := newScratch(s.Bucket, s.Prefix, 90+i)
		written.add(b.clear)
		facts = append(facts, item{"oss", s.BucketAt.Region, "unknown", f.sentence, func(ctx context.Context, r *recorder) { f.ask(ctx, r, b) }, ""})
	}
	return facts
}

// conditional races PUTs with IfAbsent for one key.
func conditional(ctx context.Context, r *recorder, b *scratch) {
	const racers, rounds = 16, 5
	for round := range rounds {
		key := name(round)
		var won, odd atomic.Int32
		var all sync.WaitGroup
		for range racers {
			all.Go(func() {
				switch _, err := b.Put(ctx, store.Object{Key: key, Size: 1}, strings.NewReader("x"), store.Put{IfAbsent: true}); fault.KindOf(err) {
				case "":
					won.Add(1)
				case fault.Changed:
				default: // throttled, or lost on the way: no evidence
					odd.Add(1)
				}
			})
		}
		all.Wait()
		if n := won.Load(); n > 1 || n == 0 && odd.Load() == 0 {
			r.Fatalf("%d of %d won", n, racers)
		}
	}
	r.see("%d times %d", rounds, racers)
}

// namesCRC stores objects of several sizes and looks for the CRC64 in the answers.
func namesCRC(ctx context.Context, r *recorder, b *scratch) {
	for _, n := range []int{0, 1000, 2 << 20} {
		body := bytes.Repeat([]byte("ferry "), n/6+1)[:n]
		stored, err := b.Put(ctx, store.Object{Key: "k", Size: int64(n)}, bytes.NewReader(body), store.Put{})
		if err != nil {
			r.Fatalf("%d bytes: %v", n, err)
		}
		if stored.CRC64 == "" {
			r.Errorf("the answer to a PUT of %d bytes names none", n)
		}
	}
}

// listsAtOnce lists after every PUT and after every DELETE.
func listsAtOnce(ctx context.Context, r *recorder, b *scratch) {
	listed := func() (keys []string) {
		for o, err := range b.List(ctx, store.Range{}) {
			if err != nil {
				r.Fatalf("%v", err)
			}
			keys = append(keys, o.Key)
		}
		return keys
	}
	for n := range 20 {
		key := name(n)
		if _, err := b.Put(ctx, store.Object{Key: key, Size: 1}, strings.NewReader("x"), store.Put{}); err != nil {
			r.Fatalf("%v", err)
		}
		if got := listed(); len(got) != 1 || got[0] != key {
			r.Fatalf("after a PUT a listing shows %d keys, want the one", len(got))
		}
		if err := b.Delete(ctx, key); err != nil {
			r.Fatalf("%v", err)
		}
		if got := listed(); len(got) != 0 {
			r.Fatalf("after a DELETE a listing shows %d keys, want none", len(got))
		}
	}
}

// longestKey stores an object under the longest key, and asks the driver for one byte more.
func longestKey(ctx context.Context, r *recorder, b *scratch) {
	const longest = 1023
	key := strings.Repeat("k", longest-len(b.prefix))
	if _, err := b.Put(ctx, store.Object{Key: key, Size: 1}, strings.NewReader("x"), store.Put{}); err != nil {
		r.Errorf("a key of %d bytes: %v", longest, err)
	}
	if err := b.CheckKey(key + "k"); err == nil {
		r.Errorf("the driver lets a key of %d bytes pass", longest+1)
	}
}

// partsCRC uploads two parts and compares the CRC64 of the answer with that of both.
func partsCRC(ctx context.Context, r *recorder, b *scratch) {
	first, second := bytes.Repeat([]byte("first "), 20_000), []byte("second")
	id, _, err := b.Begin(ctx, store.Object{Key: "k"})
	if err != nil {
		r.Fatalf("%v", err)
	}
	var parts []store.Part
	for i, data := range [][]byte{first, second} {
		p, err := b.PutPart(ctx, "k", id, i+1, bytes.NewReader(data), int64(len(data)))
		if err != nil {
			r.Fatalf("%v", err)
		}
		parts = append(parts, p)
	}
	stored, err := b.Finish(ctx, "k", id, parts, store.Put{})
	if err != nil {
		r.Fatalf("%v", err)
	}
	if want := strconv.FormatUint(digest.CRC64(digest.CRC64(0, first), second), 10); stored.CRC64 != want {
		r.Errorf("it answers %q, want %q", stored.CRC64, want)
	}
}

// unasked are the questions that Run cannot test: cloud, sentence, and why not and
// how to test it by hand.
var unasked = unaskable(
	[3]string{"kodo", "how many requests a second an account bears before 573", "it takes overloading an account that others may depend on: count the 573 in a run's log, --log"},
	[3]string{"kodo", "what an event notification holds", "Kodo sends one to an address that it can reach: deploy notify with FERRY_LOG=debug and put an object"},
	[3]string{"oss", "the code of a refusal of too many requests", "it takes 10,000 requests a second from the whole account: look for it in a run's log, --log"},
	[3]string{"oss", "a versioned bucket ignores conditional PUTs", "it takes a versioned bucket that may be written: name one with --ledger, and see the row of conditional PUTs fail"},
	[3]string{"oss", "a listing page may be empty and yet not the last", "OSS cannot be made to answer one"},
	[3]string{"oss", "a HEAD of a missing key is 404 to keys that may not list", "it takes keys without oss:ListObjects, as the copy function's: ossutil stat of a key that does not exist, with the rights of ferry policy JOB --role copy"},
	[3]string{"mns", "which right a receive of several messages takes", "it takes keys with one right alone: of a user with mns:ReceiveMessage and not mns:BatchReceiveMessage, and of one with the other, run ferry agent; roles have both"},
	[3]string{"mns", "functions reach the internal address, and by https", "it takes a function: deploy one with &endpoint=internal in FERRY_QUEUES, and look for mns errors in its log"},
	[3]string{"mns", "the code of a refusal of too many requests", "it takes 3,000 requests a second: look for it in a function's log"},
	[3]string{"mns", "how long a message is kept that nobody takes", "it takes days: send one to a queue of your own, and look for it"},
	[3]string{"eventbridge", "the shape of a batch of messages", "it arrives at a function: with FERRY_LOG=debug its log shows one"},
	[3]string{"eventbridge", "the shape of a dead letter", "it takes a stream whose function fails: send a message that is no task to the list queue, and peek at the dead queue in MNS's console before verify takes it"},
	[3]string{"eventbridge", "how many messages of a stream are at work at the same time", "it shows in a deployment at work: start a run and count the instances of copy, with one stream a queue and with several"},
	[3]string{"eventbridge", "maximumTasks of a stream is kept, and its ceiling", "the trigger's API does not show it: after a deployment GetEventStreaming tells the stream's RunOptions; raise it until it is refused"},
	[3]string{"fc", "the bandwidth of an instance", "it shows in a deployment at work: a run's report has its bytes a second, FC's metrics its instances"},
	[3]string{"cloudmonitor", "the namespace, metric and dimension of alarms", "it takes a metric that has data: once messages lie in a queue, DescribeMetricMetaList and DescribeMetricLast tell; set queue_metric and function_metric in terraform.tfvars to match"},
)

// unaskable returns items whose result is always Skipped.
func unaskable(all ...[3]string) []item {
	items := make([]item, len(all))
	for i, u := range all {
		items[i] = item{u[0], "", "unknown", u[1], func(_ context.Context, r *recorder) { r.Skipf("%s", u[2]) }, u[2]}
	}
	return items
}
