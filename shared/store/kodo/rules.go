package kodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/qiniu/go-sdk/v7/storagev2/apis"
)

// Rule says who is notified of what becomes of a bucket's objects.
type Rule struct {
	Name      string   // unique in the bucket: letters, digits and underscores, 1 to 49
	Prefix    string   // of the keys that count; "" is all
	Suffix    string   //
	Events    []string // put, mkfile, append, copy, move, delete, disable, enable, restore:completed, …
	URLs      []string // where notifications are posted
	AccessKey string   // whose keys sign them; "" is nobody's
	Host      string   // the Host they are sent with; "" is the URL's
}

func (r Rule) equal(o Rule) bool {
	return r.Name == o.Name && r.Prefix == o.Prefix && r.Suffix == o.Suffix && r.AccessKey == o.AccessKey && r.Host == o.Host &&
		slices.Equal(slices.Sorted(slices.Values(r.Events)), slices.Sorted(slices.Values(o.Events))) && slices.Equal(r.URLs, o.URLs)
}

// Rules lists the event rules of the bucket; null is none. Each has a name.
func (b *Bucket) Rules(ctx context.Context) ([]Rule, error) {
	named := func(data []byte) error {
		var rules []struct{ Name string }
		err := json.Unmarshal(data, &rules)
		if err == nil && slices.ContainsFunc(rules, func(r struct{ Name string }) bool { return r.Name == "" }) {
			err = errors.New("a rule without a name")
		}
		if err != nil {
			err = fmt.Errorf("what answers there may not be Kodo: check endpoint= (%w)", err)
		}
		return err
	}
	found, err := rule(ctx, b, named, func(ctx context.Context, o *apis.Options) (*apis.GetBucketEventRulesResponse, error) {
		return newSDK(b).GetBucketEventRules(ctx, &apis.GetBucketEventRulesRequest{Bucket: b.cfg.Bucket}, o)
	})
	if err != nil {
		return nil, err
	}
	var rules []Rule
	for _, r := range found.BucketEventRules {
		rules = append(rules, Rule{r.Name, r.Prefix, r.Suffix, r.EventTypes, r.CallbackUrls, r.AccessKey, r.Host})
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
	add := apis.AddBucketEventRuleRequest{
		Bucket: b.cfg.Bucket, Name: r.Name, Prefix: r.Prefix, Suffix: r.Suffix,
		EventTypes: r.Events, CallbackUrls: r.URLs, AccessKey: r.AccessKey, Host: r.Host,
	}
	if i := slices.IndexFunc(rules, func(o Rule) bool { return o.Name == r.Name }); i < 0 {
		_, err = rule(ctx, b, nil, func(ctx context.Context, o *apis.Options) (*apis.AddBucketEventRuleResponse, error) {
			return newSDK(b).AddBucketEventRule(ctx, &add, o)
		})
	} else if update := apis.UpdateBucketEventRuleRequest(add); !rules[i].equal(r) {
		_, err = rule(ctx, b, nil, func(ctx context.Context, o *apis.Options) (*apis.UpdateBucketEventRuleResponse, error) {
			return newSDK(b).UpdateBucketEventRule(ctx, &update, o)
		})
	} else {
		return false, nil
	}
	return err == nil, err
}

// DropRule removes the rule of that name, and reports whether there was one.
func (b *Bucket) DropRule(ctx context.Context, name string) (bool, error) {
	rules, err := b.Rules(ctx)
	if err != nil || !slices.ContainsFunc(rules, func(o Rule) bool { return o.Name == name }) {
		return false, err
	}
	_, err = rule(ctx, b, nil, func(ctx context.Context, o *apis.Options) (*apis.DeleteBucketEventRuleResponse, error) {
		return newSDK(b).DeleteBucketEventRule(ctx, &apis.DeleteBucketEventRuleRequest{Bucket: b.cfg.Bucket, Name: name}, o)
	})
	return err == nil, err
}

// rule makes one request about event rules, of the hosts that know of buckets. An
// answer that read does not take is asked for again.
func rule[T any](ctx context.Context, b *Bucket, read func([]byte) error, call func(context.Context, *apis.Options) (T, error)) (T, error) {
	try := 0
	return retry(ctx, b, "kodo.Rules", b.cfg.Bucket, func() (T, error) {
		base := b.endpoint
		if base == "" {
			base = "https://" + ucHosts[try%len(ucHosts)]
		}
		try++
		return ask(ctx, b, request{op: "kodo.Rules", key: b.cfg.Bucket, read: read}, base, call)
	})
}
