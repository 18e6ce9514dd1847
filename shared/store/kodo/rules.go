package kodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Rule says who is notified of what becomes of a bucket's objects
// (go-sdk, storage/uc.go, BucketEventRule).
type Rule struct {
	Name      string   `json:"name"`                // unique in the bucket: letters, digits and underscores, 1 to 49
	Prefix    string   `json:"prefix,omitempty"`    // of the keys that count; "" is all
	Suffix    string   `json:"suffix,omitempty"`    //
	Events    []string `json:"event"`               // put, mkfile, append, copy, move, delete, disable, enable, restore:completed, …
	URLs      []string `json:"callbackURL"`         // where notifications are posted
	AccessKey string   `json:"accessKey,omitempty"` // whose keys sign them; "" is nobody's
	Host      string   `json:"host,omitempty"`      // the Host they are sent with; "" is the URL's
}

func (r Rule) equal(o Rule) bool {
	return r.Name == o.Name && r.Prefix == o.Prefix && r.Suffix == o.Suffix && r.AccessKey == o.AccessKey && r.Host == o.Host &&
		slices.Equal(slices.Sorted(slices.Values(r.Events)), slices.Sorted(slices.Values(o.Events))) && slices.Equal(r.URLs, o.URLs)
}

// Rules lists the event rules of the bucket.
func (b *Bucket) Rules(ctx context.Context) ([]Rule, error) {
	data, err := b.rule(ctx, http.MethodGet, "get", url.Values{}, func(data []byte) error {
		_, err := rulesIn(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rulesIn(data)
}

// rulesIn reads a list of rules, each of which has a name; null is none.
func rulesIn(data []byte) ([]Rule, error) {
	var rules []Rule
	if err := json.Unmarshal(data, &rules); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(rules, func(r Rule) bool { return r.Name == "" }) {
		return nil, errors.New("a rule without a name")
	}
	return rules, nil
}

// SetRule puts a rule in place of the one of its name, if there is one, and
// reports whether anything had to be changed.
func (b *Bucket) SetRule(ctx context.Context, r Rule) (changed bool, err error) {
	rules, err := b.Rules(ctx)
	if err != nil {
		return false, err
	}
	do := "add"
	if i := slices.IndexFunc(rules, func(o Rule) bool { return o.Name == r.Name }); i >= 0 {
		if rules[i].equal(r) {
			return false, nil
		}
		do = "update"
	}
	q := url.Values{"name": {r.Name}, "event": r.Events, "callbackURL": r.URLs}
	for name, v := range map[string]string{"prefix": r.Prefix, "suffix": r.Suffix, "accessKey": r.AccessKey, "host": r.Host} {
		if v != "" {
			q.Set(name, v)
		}
	}
	_, err = b.rule(ctx, http.MethodPost, do, q, nil)
	return err == nil, err
}

// DropRule removes the rule of that name, and reports whether there was one.
func (b *Bucket) DropRule(ctx context.Context, name string) (bool, error) {
	rules, err := b.Rules(ctx)
	if err != nil || !slices.ContainsFunc(rules, func(o Rule) bool { return o.Name == name }) {
		return false, err
	}
	_, err = b.rule(ctx, http.MethodPost, "delete", url.Values{"name": {name}}, nil)
	return err == nil, err
}

// rule makes one request about event rules, of the hosts that know of buckets. An
// answer that check does not take is asked for again.
func (b *Bucket) rule(ctx context.Context, method, do string, q url.Values, check func([]byte) error) ([]byte, error) {
	q.Set("bucket", b.cfg.Bucket)
	try := 0
	return retry(ctx, b, "kodo.Rules", b.cfg.Bucket, func() ([]byte, error) {
		base := b.endpoint
		if base == "" {
			base = "https://" + ucHosts[try%len(ucHosts)]
		}
		try++
		r := request{op: "kodo.Rules", key: b.cfg.Bucket, method: method, url: base + "/events/" + do + "?" + q.Encode()}
		data, err := b.call(ctx, r)
		if err == nil && check != nil {
			if wrong := check(data); wrong != nil {
				err = r.unreadable(fmt.Errorf("what answers there may not be Kodo: check endpoint= (%w)", wrong))
			}
		}
		return data, err
	})
}
