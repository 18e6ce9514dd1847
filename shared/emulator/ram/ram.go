// Package ram is a stand-in for the part of Alibaba Cloud RAM that decides
// requests: whether the policies of a user or role allow an action on a
// resource. The stand-ins for OSS and MNS ask it for credentials that have a
// policy, so that a test can run under the rights that a deployment really has.
//
// It follows RAM's pages "Policy structure and syntax" and "Policy evaluation
// process": an explicit Deny wins, then an Allow is looked for, and what nothing
// allows is denied. Actions match without regard to case, resources with it; in
// both, * stands for any characters and ? for one. Of the conditions it knows
// StringEquals and StringLike. A policy that it cannot read whole is refused:
// one that is half understood would prove nothing.
package ram

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// words is a list that may be written as its only element.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// statement is one of a policy's.
type statement struct {
	Effect    string
	Action    words
	Resource  words
	Condition map[string]map[string]words `json:",omitempty"`
}

// Request is what somebody wants to do.
type Request struct {
	Action    string            // "oss:GetObject"
	Resource  string            // "acs:oss:cn-hangzhou:1234567890123456:photos/a.jpg"
	Condition map[string]string // what conditions look at: "oss:Prefix"
}

// Policy is a policy, and what it was asked. It is safe for concurrent use.
type Policy struct {
	statements []statement

	mu     sync.Mutex
	used   map[string]bool // actions of statements that allowed a request
	denied []Request
}

// maxDocument is how long a policy may be, in bytes (RAM, "Limits": 6,144 for a
// custom policy).
const maxDocument = 6144

// Parse reads a policy as RAM takes it: JSON with Version "1" and a list Statement.
func Parse(document []byte) (*Policy, error) {
	var doc struct {
		Version   string
		Statement []statement
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("ram: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("ram: something follows the document")
	}
	bad := []error{}
	if doc.Version != "1" {
		bad = append(bad, fmt.Errorf("ram: version %q, want 1", doc.Version))
	}
	if len(document) > maxDocument {
		bad = append(bad, fmt.Errorf("ram: %d bytes, RAM takes %d", len(document), maxDocument))
	}
	if len(doc.Statement) == 0 {
		bad = append(bad, errors.New("ram: no statement"))
	}
	for i, s := range doc.Statement {
		if err := s.check(); err != nil {
			bad = append(bad, fmt.Errorf("ram: statement %d: %w", i+1, err))
		}
	}
	return &Policy{statements: doc.Statement, used: map[string]bool{}}, errors.Join(bad...)
}

func (s statement) check() error {
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return fmt.Errorf("effect %q, want Allow or Deny", s.Effect)
	}
	if len(s.Action) == 0 || len(s.Resource) == 0 {
		return errors.New("an action and a resource are wanted")
	}
	for _, a := range s.Action {
		if a != "*" && strings.Count(a, ":") != 1 {
			return fmt.Errorf("action %q, want <service>:<action>", a)
		}
	}
	for _, r := range s.Resource {
		if r != "*" && (!strings.HasPrefix(r, "acs:") || strings.Count(r, ":") < 4) {
			return fmt.Errorf("resource %q, want acs:<service>:<region>:<account>:<relative id>", r)
		}
	}
	for operator := range s.Condition {
		if operator != "StringEquals" && operator != "StringLike" {
			return fmt.Errorf("condition %q, which is not known here", operator)
		}
	}
	return nil
}

// Allows decides a request, and remembers what it came to. A nil policy is the
// account's own: it may do everything.
func (p *Policy) Allows(r Request) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	by := ""
	for i, s := range p.statements {
		action, ok := s.matches(r)
		if !ok {
			continue
		}
		if s.Effect == "Deny" {
			by = ""
			break
		}
		if by == "" {
			by = usedName(i, action)
		}
	}
	if by == "" {
		p.denied = append(p.denied, r)
		return false
	}
	p.used[by] = true
	return true
}

// matches returns the action of s that the request is.
func (s statement) matches(r Request) (string, bool) {
	i := slices.IndexFunc(s.Action, func(a string) bool { return like(strings.ToLower(a), strings.ToLower(r.Action)) })
	if i < 0 || !slices.ContainsFunc(s.Resource, func(p string) bool { return like(p, r.Resource) }) {
		return "", false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			given, there := r.Condition[key]
			equal := func(v string) bool { return v == given }
			if operator == "StringLike" {
				equal = func(v string) bool { return like(v, given) }
			}
			if !there || !slices.ContainsFunc(values, equal) {
				return "", false
			}
		}
	}
	return s.Action[i], true
}

func usedName(statement int, action string) string { return fmt.Sprintf("%d %s", statement+1, action) }

// Denied returns the requests that were denied, each kind once: with the action
// and the resource.
func (p *Policy) Denied() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[string]bool{}
	for _, r := range p.denied {
		seen[r.Action+" on "+r.Resource] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Unused returns the actions that allowed nothing so far, each as the number of
// its statement, from 1, and its name.
func (p *Policy) Unused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var unused []string
	for i, s := range p.statements {
		for _, a := range s.Action {
			if name := usedName(i, a); s.Effect == "Allow" && !p.used[name] {
				unused = append(unused, name)
			}
		}
	}
	return unused
}

// like reports whether text is pattern, in which * is any characters and ? one.
func like(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0: // let the last * take one more
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
