package oss

import (
	"encoding/json"
	"slices"
	"strings"
)

// tagsOf reads <Tagging>.
func tagsOf(doc node) (tags []pair) {
	for _, t := range doc.get("TagSet").all("Tag") {
		tags = append(tags, pair{t.get("Key").text, t.get("Value").text})
	}
	return tags
}

// checkBucketTags holds tags against OSS's limits for buckets: 20 of them, keys of 1 to 64
// and values of up to 128 characters, no key that begins with http://, https:// or Aliyun
// (OSS, "Manage bucket tags").
func checkBucketTags(tags []pair) error {
	if len(tags) > 20 {
		return refuse(400, "InvalidTag", unknownEC, "Bucket tags cannot be greater than 20.")
	}
	seen := map[string]bool{}
	for _, t := range tags {
		low := strings.ToLower(t.name)
		reserved := strings.HasPrefix(low, "http://") || strings.HasPrefix(low, "https://") || strings.HasPrefix(low, "aliyun")
		if t.name == "" || len([]rune(t.name)) > 64 || len([]rune(t.value)) > 128 || reserved || seen[t.name] {
			return badTag()
		}
		seen[t.name] = true
	}
	return nil
}

// tags are those of the bucket.
func (b *bucket) tags() []pair {
	b.mu.RLock()
	defer b.mu.RUnlock()
	doc, _ := parseXML(b.configs["tagging"]) // it was parsed when it came; of none there are none
	return tagsOf(doc)
}

// untag takes the tags of some keys away and leaves the others.
func (b *bucket) untag(keys []string) {
	left := slices.DeleteFunc(b.tags(), func(t pair) bool { return slices.Contains(keys, t.name) })
	x := newXML()
	x.tagging(left)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.configs["tagging"] = x.bytes()
}

// tagging writes the document of tags.
func (x *xmlWriter) tagging(tags []pair) {
	x.open("Tagging")
	x.open("TagSet")
	for _, t := range tags {
		x.open("Tag")
		x.text("Key", t.name)
		x.text("Value", t.value)
		x.close("Tag")
	}
	x.close("TagSet")
	x.close("Tagging")
}

// wantedTags are the tags that ListBuckets asks for: one key by tag-key, with any value or
// with that of tag-value, or pairs by tagging ("k1":"v1","k2":"v2"), all of which a bucket must
// have (alibabacloud-oss-go-sdk-v2 v1.6.1, ListBucketsRequest). anyValue is the key of the first.
func (c *call) wantedTags() (pairs []pair, anyValue string, err error) {
	key, byKey := c.param("tag-key")
	value, byValue := c.param("tag-value")
	list, byList := c.param("tagging")
	switch {
	case byList && (byKey || byValue):
		return nil, "", badArgument("tagging", list, "The tagging parameter cannot be used with tag-key and tag-value.")
	case byValue && key == "":
		return nil, "", badArgument("tag-value", value, "A tag-value cannot be specified without a tag-key.")
	case byValue:
		return []pair{{key, value}}, "", nil
	case byKey:
		return nil, key, nil
	}
	var named map[string]string
	if err := json.Unmarshal([]byte("{"+list+"}"), &named); err != nil {
		return nil, "", badArgument("tagging", list, `The tagging parameter must be a list of "key":"value".`)
	}
	for name, v := range named {
		pairs = append(pairs, pair{name, v})
	}
	return pairs, "", nil
}

// tagged reports whether the bucket has all of pairs, and the key anyValue unless it is "".
func (b *bucket) tagged(pairs []pair, anyValue string) bool {
	if len(pairs) == 0 && anyValue == "" {
		return true
	}
	have := b.tags()
	for _, p := range pairs {
		if !slices.Contains(have, p) {
			return false
		}
	}
	return anyValue == "" || slices.ContainsFunc(have, func(t pair) bool { return t.name == anyValue })
}
