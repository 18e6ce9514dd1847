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

// ossFacts are questions about OSS beyond the contract.
func (s Setup) ossFacts(tidy *broom) []item {
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
		tidy.add(b.clear)
		facts = append(facts, item{"oss", s.BucketAt.Region, "unknown", f.sentence, func(ctx context.Context, r *recorder) { f.ask(ctx, r, b) }})
	}
	return facts
}

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
				default: // throttled, or lost on the way: it tells nothing
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

// unasked are what no documentation says for sure and nobody can ask from here.
var unasked = unaskable(
	[3]string{"kodo", "how many requests a second an account bears before 573", "it takes overloading an account that others may depend on"},
	[3]string{"kodo", "what an event notification holds", "Kodo sends one when an object changes, to an address it can reach; it cannot be asked for"},
	[3]string{"oss", "the code of a refusal of too many requests", "it takes 10,000 requests a second from the whole account"},
	[3]string{"oss", "a versioned bucket ignores conditional PUTs", "it takes a versioned bucket that may be written"},
	[3]string{"oss", "a listing page may be empty and yet not the last", "OSS cannot be made to answer one"},
	[3]string{"mns", "the code of a refusal of too many requests", "it takes 3,000 requests a second"},
	[3]string{"mns", "how long a message is kept that nobody takes", "it takes days"},
	[3]string{"eventbridge", "the shape of a batch of messages", "it arrives at a function: with FERRY_LOG=debug its log shows one"},
	[3]string{"eventbridge", "how many consumers a stream runs", "it shows in a deployment at work: measure"},
	[3]string{"fc", "the bandwidth of an instance", "it shows in a deployment at work: measure"},
)

func unaskable(all ...[3]string) []item {
	items := make([]item, len(all))
	for i, u := range all {
		items[i] = item{u[0], "", "unknown", u[1], func(_ context.Context, r *recorder) { r.Skipf("%s", u[2]) }}
	}
	return items
}
