package contract

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

const (
	listed      = 5000    // keys of the source that are listed at most
	sampled     = 20      // objects of it that are read
	sampledSize = 4 << 20 // bytes of the biggest of these

	certificateTime = 15 * time.Second // bounds the answer of a host
)

// sourceFacts returns the questions that the user's own objects answer. No answer
// names any of them.
func (s Setup) sourceFacts() []item {
	fact := func(sentence string, ask func(context.Context, *recorder)) item {
		return item{"kodo", s.SourceAt.Region, "unknown", sentence, ask, ""}
	}
	return []item{
		fact("a marker made of a key that does not exist lists the key after it", func(ctx context.Context, r *recorder) {
			if n := len(s.first(ctx, r, 2)); n < 2 {
				r.Skipf("it takes two objects to ask, the source shows %d", n)
			}
			chain, err := listing.Chained(ctx, s.Source, store.Range{Prefix: s.SourceAt.Prefix})
			if err != nil {
				r.Fatalf("it could not be asked: %s", unquoted(err))
			}
			if chain {
				r.Errorf("the listing went on elsewhere, or no name fits between the first two keys")
			}
		}),
		fact("a listing is in byte order", func(ctx context.Context, r *recorder) {
			r.see("%d keys", len(s.first(ctx, r, listed))) // a driver's listing fails at a key that is not above the one before
		}),
		fact("which objects a listing tells the MD5 of", func(ctx context.Context, r *recorder) {
			some := s.first(ctx, r, listed)
			md5, hash, parts := 0, 0, 0
			for _, o := range some {
				md5 += count(o.MD5 != "")
				hash += count(digest.IsQetag(o.Hash))
				parts += count(len(o.Parts) > 0)
			}
			r.see("of %d objects %d have an MD5, %d a qetag, %d their parts", len(some), md5, hash, parts)
		}),
		fact("objects have the bytes whose hashes are listed", s.sameBytes),
		fact("a range of an object is served", s.ranges),
		fact("a missing key is told from a missing bucket", func(ctx context.Context, r *recorder) {
			_, err := s.Source.Stat(ctx, s.SourceAt.Prefix+s.Prefix+"none")
			if fault.KindOf(err) != fault.NotFound {
				r.Errorf("Stat of a key that does not exist is %q, want %q", fault.KindOf(err), fault.NotFound)
			}
		}),
		fact("the service's own count of a bucket may be asked for", func(ctx context.Context, r *recorder) {
			g, ok := s.Source.(store.Gauge)
			if !ok {
				r.Skipf("this kind of source counts nothing")
			}
			if _, err := g.Usage(ctx); err != nil {
				r.Errorf("it may not: %s", unquoted(err))
			}
		}),
		fact("how many bytes a key may have", s.keyLengths),
		fact("the hosts of a source have certificates for their names", s.certificates),
	}
}

// certificates sends a GET for the root of each of the source's https hosts.
func (s Setup) certificates(ctx context.Context, r *recorder) {
	p, ok := s.Source.(interface {
		Hosts(ctx context.Context) ([]string, error)
	})
	if !ok {
		r.Skipf("this kind of source has no hosts")
	}
	hosts, err := p.Hosts(ctx)
	if err != nil {
		r.Fatalf("its hosts are not to be had: %s", unquoted(err))
	}
	client := &http.Client{
		Transport:     transport.Once(certificateTime),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       certificateTime,
	}
	asked := 0
	for _, host := range hosts {
		if !strings.HasPrefix(host, "https://") {
			continue
		}
		asked++
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/", nil)
		if err != nil {
			r.Fatalf("a host is none: %s", unquoted(err))
		}
		resp, err := client.Do(req)
		if err != nil {
			r.Errorf("one does not answer by https: %s", unquoted(err))
			continue
		}
		_ = resp.Body.Close()
	}
	if asked == 0 {
		r.Skipf("all of its %d hosts are asked by plain http, as insecure=true wants", len(hosts))
	}
	r.see("%d hosts asked", asked)
}

// count is 1 for true, else 0.
func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// first returns the first objects of the source, up to n. It ends the case where the
// listing fails.
func (s Setup) first(ctx context.Context, r *recorder, n int) []store.Object {
	var some []store.Object
	for o, err := range s.Source.List(ctx, store.Range{Prefix: s.SourceAt.Prefix}) {
		if err != nil {
			r.Fatalf("the source could not be listed: %s", unquoted(err))
		}
		if some = append(some, o); len(some) == n {
			break
		}
	}
	return some
}

// readable returns up to n objects of at most sampledSize bytes that can be read now.
// It ends the case as skipped where there are none.
func (s Setup) readable(ctx context.Context, r *recorder, n int) []store.Object {
	var fit []store.Object
	for _, o := range s.first(ctx, r, 1000) {
		if !o.Frozen && !o.Disabled && o.Size > 0 && o.Size <= sampledSize && len(fit) < n {
			fit = append(fit, o)
		}
	}
	if len(fit) == 0 {
		r.Skipf("the source shows no object of 1 byte to 4 MiB that can be read")
	}
	return fit
}

// sameBytes reads objects whole and compares them with their listed hashes.
func (s Setup) sameBytes(ctx context.Context, r *recorder) {
	some := s.readable(ctx, r, sampled)
	for _, o := range some {
		found, body, err := s.Source.Open(ctx, o, 0, -1)
		if err == nil {
			_, err = io.Copy(io.Discard, digest.NewReader(body, digest.Want{Size: o.Size, Qetag: o.Hash, Parts: o.Parts, MD5: cmp.Or(o.MD5, found.MD5)}))
			_ = body.Close()
		}
		if _, differs := errors.AsType[*digest.Mismatch](err); differs {
			r.Errorf("an object of %d bytes has others than those listed", o.Size)
		} else if err != nil {
			r.Errorf("an object could not be read: %s", unquoted(err))
		}
	}
	r.see("%d objects", len(some))
}

// ranges reads the second half of an object and compares it with the whole.
func (s Setup) ranges(ctx context.Context, r *recorder) {
	o := s.readable(ctx, r, 1)[0]
	read := func(off, n int64) []byte {
		_, body, err := s.Source.Open(ctx, o, off, n)
		if err != nil {
			r.Fatalf("bytes %d to %d could not be read: %s", off, off+n, unquoted(err))
		}
		defer func() { _ = body.Close() }()
		data, err := io.ReadAll(body)
		if err != nil {
			r.Fatalf("bytes %d to %d could not be read: %s", off, off+n, unquoted(err))
		}
		return data
	}
	whole, half := read(0, -1), o.Size/2
	if got := read(half, o.Size-half); !bytes.Equal(got, whole[half:]) {
		r.Errorf("the second half of an object of %d bytes has %d bytes, or others", o.Size, len(got))
	}
}

// keyLengths stores objects under keys of the lengths at which Kodo may refuse.
func (s Setup) keyLengths(ctx context.Context, r *recorder) {
	if s.Scratch == nil {
		r.Skipf("nothing was named at Kodo that may be written: --scratch 'kodo://bucket/prefix/'")
	}
	k := s.Scratch.below(99)
	var seen []string
	for _, n := range []int{750, 751, 1023, 1024} {
		err := k.put(ctx, store.Object{Key: strings.Repeat("k", n-len(k.prefix))}, []byte("x"))
		switch kind := fault.KindOf(err); kind {
		case "":
			seen = append(seen, fmt.Sprintf("%d taken", n))
		case fault.Invalid, fault.Denied:
			seen = append(seen, fmt.Sprintf("%d refused", n))
		default:
			r.Fatalf("a key of %d bytes: %v", n, err)
		}
	}
	r.see("%s", strings.Join(seen, ", "))
}
