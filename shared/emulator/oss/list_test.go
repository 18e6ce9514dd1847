package oss_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

// model lists as OSS says it does, by looking at every key.
func model(keys []string, prefix, after, delimiter string) (objects, prefixes []string) {
	for _, k := range keys {
		if !strings.HasPrefix(k, prefix) || k <= after {
			continue
		}
		if delimiter != "" {
			if i := strings.Index(k[len(prefix):], delimiter); i >= 0 {
				p := k[:len(prefix)+i+len(delimiter)]
				if p != after && !slices.Contains(prefixes, p) {
					prefixes = append(prefixes, p)
				}
				continue
			}
		}
		objects = append(objects, k)
	}
	return objects, prefixes
}

type pager func(b *sdk.Bucket, prefix, after, delimiter string, limit int) (objects, prefixes []string, pages []int, err error)

func pageV1(b *sdk.Bucket, prefix, after, delimiter string, limit int) (objects, prefixes []string, pages []int, err error) {
	for {
		r, err := b.ListObjects(sdk.Prefix(prefix), sdk.Marker(after), sdk.Delimiter(delimiter), sdk.MaxKeys(limit))
		if err != nil {
			return nil, nil, nil, err
		}
		for _, o := range r.Objects {
			objects = append(objects, o.Key)
		}
		prefixes = append(prefixes, r.CommonPrefixes...)
		pages = append(pages, len(r.Objects)+len(r.CommonPrefixes))
		if !r.IsTruncated {
			return objects, prefixes, pages, nil
		}
		after = r.NextMarker
	}
}

func pageV2(b *sdk.Bucket, prefix, after, delimiter string, limit int) (objects, prefixes []string, pages []int, err error) {
	options := []sdk.Option{sdk.Prefix(prefix), sdk.StartAfter(after), sdk.Delimiter(delimiter), sdk.MaxKeys(limit), sdk.FetchOwner(true)}
	token := ""
	for {
		r, err := b.ListObjectsV2(append(options, sdk.ContinuationToken(token))...)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, o := range r.Objects {
			objects = append(objects, o.Key)
			if o.Owner.ID == "" || o.ETag == "" || o.Type == "" || o.StorageClass == "" {
				return nil, nil, nil, fmt.Errorf("%+v lacks something", o)
			}
		}
		prefixes = append(prefixes, r.CommonPrefixes...)
		pages = append(pages, len(r.Objects)+len(r.CommonPrefixes))
		if !r.IsTruncated {
			return objects, prefixes, pages, nil
		}
		token = r.NextContinuationToken
	}
}

func TestPagesAddUpToWhatTheModelLists(t *testing.T) {
	const seed = 20260201
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		alphabet := []string{"a", "b", "/", "//", "中", "\x01", " ", "+", "~"}
		word := func(n int) string {
			var w strings.Builder
			for range r.IntN(n) {
				w.WriteString(alphabet[r.IntN(len(alphabet))])
			}
			return w.String()
		}
		set := map[string]bool{}
		for range 1500 {
			if k := word(7); k != "" && k[0] != '/' {
				put(t, s, k, k)
				set[k] = true
			}
		}
		for k := range set {
			if r.IntN(3) == 0 {
				s.Remove(bucketName, k)
				delete(set, k)
			}
		}
		keys := s.Keys(bucketName)
		if len(keys) != len(set) || !slices.IsSorted(keys) {
			t.Fatalf("%d keys, in order: %v, want %d", len(keys), slices.IsSorted(keys), len(set))
		}
		for range 60 {
			prefix, after, delimiter, limit := word(3), word(4), []string{"", "/", "a", "//"}[r.IntN(4)], 1+r.IntN(60)
			wantObjects, wantPrefixes := model(keys, prefix, after, delimiter)
			for name, page := range map[string]pager{"v1": pageV1, "v2": pageV2} {
				objects, prefixes, pages, err := page(b, prefix, after, delimiter, limit)
				what := fmt.Sprintf("%s of prefix %q after %q by %q in %ds", name, prefix, after, delimiter, limit)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if !slices.Equal(objects, wantObjects) || !slices.Equal(prefixes, wantPrefixes) {
					t.Fatalf("%s: got %q and %q, want %q and %q", what, objects, prefixes, wantObjects, wantPrefixes)
				}
				for i, n := range pages {
					if n > limit || i < len(pages)-1 && n < limit {
						t.Fatalf("%s: pages of %v, want all but the last full", what, pages)
					}
				}
			}
		}
	})
}

func TestQuestionsOfListingsAreChecked(t *testing.T) {
	s := start(t)
	for name, params := range map[string]map[string]any{
		"no keys":                   {"max-keys": "0"},
		"too many keys":             {"max-keys": "1001"},
		"keys that are no number":   {"max-keys": "x"},
		"another encoding":          {"encoding-type": "base64"},
		"a prefix too long":         {"prefix": strings.Repeat("k", 1024)},
		"a marker too long":         {"marker": strings.Repeat("k", 1024)},
		"a delimiter too long":      {"delimiter": strings.Repeat("k", 1024)},
		"version 2 without keys":    {"list-type": "2", "max-keys": "0"},
		"a start too long":          {"list-type": "2", "start-after": strings.Repeat("k", 1024)},
		"a token that is none":      {"list-type": "2", "continuation-token": "test1.txt"},
		"version 3":                 {"list-type": "3"},
		"a version without its key": {"versions": nil, "version-id-marker": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, version sdk.ClientOption) {
				_, err := connect(t, s, version).Conn.Do("GET", bucketName, "", params, nil, nil, 0, nil)
				wantCode(t, "list", err, 400, "InvalidArgument")
			})
		})
	}
	_, err := connect(t, s).Conn.Do("GET", "bucket-2", "", nil, nil, nil, 0, nil)
	wantCode(t, "list of no bucket", err, 404, "NoSuchBucket")
}

func TestWithoutEncodingControlCharactersAreReferences(t *testing.T) {
	s := start(t)
	put(t, s, "a\x01<&>", "")
	resp, err := connect(t, s).Conn.Do("GET", bucketName, "", map[string]any{"list-type": "2"}, nil, nil, 0, nil)
	must(t, err)
	body := string(readAll(t, resp.Body, nil))
	if want := "<Key>a&#x01;&lt;&amp;&gt;</Key>"; !strings.Contains(body, want) {
		t.Errorf("got %s, want %s in it", body, want)
	}
	if strings.Contains(body, "<Owner>") {
		t.Error("an owner that was not asked for is listed")
	}
}

func TestAHundredKeysAreTheDefault(t *testing.T) {
	s := start(t)
	for i := range 150 {
		put(t, s, fmt.Sprintf("%03d", i), "")
	}
	for name, list := range map[string]func(*sdk.Bucket) (int, error){
		"v1": func(b *sdk.Bucket) (int, error) { r, err := b.ListObjects(); return len(r.Objects), err },
		"v2": func(b *sdk.Bucket) (int, error) { r, err := b.ListObjectsV2(); return len(r.Objects), err },
	} {
		if n, err := list(open(t, s)); n != 100 || err != nil {
			t.Errorf("%s: %d keys, %v, want 100", name, n, err)
		}
	}
}

func TestListingsAndHeadersAgreeOnTheTime(t *testing.T) {
	s := start(t)
	must(t, s.Put(bucketName, oss.Object{Key: "k", LastModified: time.Unix(1700000000, 987654321)}))
	b := open(t, s)
	page, err := b.ListObjectsV2()
	must(t, err)
	h, err := b.GetObjectDetailedMeta("k")
	must(t, err)
	if got, want := page.Objects[0].LastModified.UTC().Format(time.RFC3339Nano), "2023-11-14T22:13:20Z"; got != want || h.Get("Last-Modified") != "Tue, 14 Nov 2023 22:13:20 GMT" {
		t.Errorf("listed %s, with the header %s, want %s", got, h.Get("Last-Modified"), want)
	}
}
