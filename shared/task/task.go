// Package task is the one message that Ferry sends: small, self-contained, done
// within one invocation, safe to do twice. Doing a task yields the tasks that
// follow from it; the functions differ only in the kinds they accept.
package task

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Version is the newest format of this code. It reads this one and the two before: a
// process of the version before writes what the one before that reads (Encode).
// Format 2 added the kinds of parts and of deletions, format 3 that of events and
// what copying leaves to the deleting stage, format 4 that of verifications of runs.
const Version = 4

// oldest is the oldest format that Decode reads.
const oldest = Version - 2

// Kind says what is to be done.
type Kind string

const (
	List   Kind = "list"   // walk a range of source and target, seal what differs into batches
	Copy   Kind = "copy"   // copy the objects of one batch
	Begin  Kind = "begin"  // open the upload of a big object and cut it into parts
	Part   Kind = "part"   // copy some parts of it
	Finish Kind = "finish" // check the whole and complete the upload
	Event  Kind = "event"  // bring one key that the source notified of to the target
	Verify Kind = "verify" // list a shard's range again and prove every row
	Decide Kind = "gate"   // once every shard is verified, decide whether anything may be deleted
	Delete Kind = "delete" // delete from the target what the source no longer has
	Remove Kind = "remove" // remove what copying may not: an event's vanished key, damaged bytes of our own
	Report Kind = "report" // once every shard is verified, write the report

	Reprove Kind = "reprove" // hold a piece of a finished run's rows against both sides
)

// Kinds lists every kind of task.
var Kinds = [...]Kind{List, Copy, Begin, Part, Finish, Event, Verify, Decide, Delete, Remove, Report, Reprove}

// Stage is a queue, and the function that serves it.
type Stage string

const (
	Listing   Stage = "list"
	Copying   Stage = "copy"
	Verifying Stage = "verify"
	Deleting  Stage = "delete"
)

// Stages lists every stage in the order of the data.
var Stages = [...]Stage{Listing, Copying, Verifying, Deleting}

// Stage returns the stage that does tasks of kind k, "" for an unknown kind.
func (k Kind) Stage() Stage {
	switch k {
	case List:
		return Listing
	case Copy, Begin, Part, Finish, Event:
		return Copying
	case Verify, Report, Reprove:
		return Verifying
	case Decide, Delete, Remove:
		return Deleting
	}
	return ""
}

// Task is one message. Its encoded body is its identity: two equal bodies are the same task.
//
// What was before it, it tells in these words. A message is delivered once or more often
// (Deliveries). Its work goes on in another message, whose body says how often that was so
// and why: it failed (Attempt), it waits for others (Waits), or another process has the
// share of the run's limits (Passed). These messages are a chain (Chain, Continues). The
// ledger may begin another chain of the same work (Resend), where the first seems lost.
// Of that a step asks three things:
//
//	Fresh   nothing of this chain was at work before: an outcome that is there is a twin's
//	Again   something may have been at work before, of any chain: what it writes may be there
//	Resent  the ledger began this chain, and this is its first message: others may be lost, too
type Task struct {
	V       int         `json:"v"`
	Kind    Kind        `json:"kind"`
	Run     string      `json:"run"`              // <job>/<UTC time>
	Shard   string      `json:"shard,omitempty"`  // list, copy, verify, reprove
	Range   store.Range `json:"range,omitzero"`   // list, reprove: what is left to cover, in source keys
	Before  string      `json:"before,omitempty"` // list: keys ahead of Range.After, U+0000 in between, to list from where that is gone and the source lists from keys that exist alone
	Batch   string      `json:"batch,omitempty"`  // copy, begin, part, finish, event, delete, remove
	From    int         `json:"from,omitempty"`   // part: the first and the last number
	To      int         `json:"to,omitempty"`
	First   string      `json:"first,omitempty"` // copy: the first and the last key of the batch, for logs
	Last    string      `json:"last,omitempty"`
	Key     string      `json:"key,omitempty"`     // event: the source's key, of one that no record names yet
	Until   int64       `json:"until,omitempty"`   // event: the end of its time bucket, in Unix seconds; not to be done before
	Count   int         `json:"count,omitempty"`   // copy: objects to copy
	Bytes   int64       `json:"bytes,omitempty"`   // copy: their bytes
	Attempt int         `json:"attempt,omitempty"` // how often it has failed
	Waits   int         `json:"waits,omitempty"`   // how often it has waited for others
	Passed  int         `json:"passed,omitempty"`  // how often a process passed it on to whom the run's limits leave a share
	Since   int64       `json:"since,omitempty"`   // since when the source or the target it needs has not answered, in Unix seconds; 0: it did
	Resend  int64       `json:"resend,omitempty"`  // not 0 on one sent again from the ledger: what it writes may be there already

	// Delay and Deliveries are not part of the body.
	Delay      time.Duration `json:"-"` // not to be delivered before
	Deliveries int           `json:"-"` // how often the queue has delivered it, this time included
}

// Touched is the Resend of a task that was passed on and may have been worked on
// before, but was not sent again from the ledger.
const Touched int64 = 1

// Sending tells which of the chains of t's name t belongs to: 0 the first one,
// else when it was sent again from the ledger.
func (t Task) Sending() int64 {
	if t.Resend == Touched {
		return 0
	}
	return t.Resend
}

// Resent reports whether t is the first message of a chain that the ledger began.
func (t Task) Resent() bool { return t.Sending() != 0 && t.Attempt == 0 && t.Waits == 0 }

// Again reports whether t may have been worked on before.
func (t Task) Again() bool { return t.Resend != 0 || t.Deliveries > 1 || t.Attempt > 0 }

// Fresh reports whether t is the first delivery of a message that is no repeated try
// and has not waited, as far as its queue tells. Any other may have created its outcome
// before, and then failed. An outcome that a fresh task finds is that of a twin,
// which has sent what follows, or sends it when it is delivered again: if both sent it,
// two chains of tasks would do the same from then on.
func (t Task) Fresh() bool { return t.Deliveries == 1 && t.Attempt == 0 && t.Waits == 0 }

// Chain names what t is for: t, and the messages that it sends itself when it
// waits or failed, are a chain of that name, and so is the same task when it is
// sent again from the ledger. The parts of an upload share one with its
// beginning. An event that no record names yet has none: "".
func (t Task) Chain() string {
	switch {
	case t.Kind == Event && t.Key != "":
		return ""
	case t.Batch != "":
		return t.Batch
	case t.Shard != "":
		return string(t.Kind) + "-" + t.Shard
	}
	return string(t.Kind)
}

// Continues reports whether t is o once more, after a wait or a try that failed.
func (t Task) Continues(o Task) bool {
	same := t.Kind == o.Kind && t.Chain() == o.Chain() && t.From == o.From && t.To == o.To
	return same && (t.Waits > o.Waits || t.Attempt > o.Attempt)
}

// since is the format that a kind of task came with. A field that an older
// version must not pass over would raise it, too.
func since(k Kind) int {
	switch k {
	case Begin, Part, Finish, Decide, Delete:
		return 2
	case Event, Remove:
		return 3
	case Reprove:
		return 4
	}
	return 1
}

// Encode returns t's body: JSON that is also text of XML. It is in the oldest
// format that can carry t and that the version before still reads. So while a
// deployment is half upgraded its old processes do what they know, and only
// what is new waits for a new one.
func Encode(t Task) ([]byte, error) {
	t.V = max(since(t.Kind), Version-1)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(t); err != nil {
		return nil, fault.New(fault.Invalid, "task.Encode", t.Run, err)
	}
	return []byte(xmlSafe.Replace(strings.TrimSuffix(b.String(), "\n"))), nil
}

// xmlSafe escapes what JSON may hold as it is and XML, in which queues carry
// bodies, not at all (XML 1.0, section 2.2). Controls JSON escapes by itself.
var xmlSafe = strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`)

// Decode reads a body. What is no task is Invalid; one in a format newer than
// this code is Newer, for a process that can read it.
func Decode(body []byte) (Task, error) {
	var t Task
	bad := func(format string, args ...any) (Task, error) {
		return Task{}, fault.New(fault.Invalid, "task.Decode", t.Run, fmt.Errorf(format, args...))
	}
	var head struct{ V int } // first: in a newer format a field may be of another type
	if err := json.Unmarshal(body, &head); err == nil && head.V > Version {
		return Task{}, fault.New(fault.Newer, "task.Decode", "", fmt.Errorf("format %d, this version reads up to %d: deploy the newer version everywhere", head.V, Version))
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return bad("the message is no task: %w", err)
	}
	switch {
	case t.V < oldest:
		return bad("the message is no task of a format this version reads (%d, want %d to %d)", t.V, oldest, Version)
	case t.Kind.Stage() == "":
		return bad("unknown kind %q", t.Kind)
	case t.Run == "":
		return bad("a %s task names no run", t.Kind)
	case t.Shard == "" && t.Kind != Report && t.Kind != Decide:
		return bad("a %s task names no shard", t.Kind)
	case t.Batch == "" && (t.Kind.Stage() == Copying || t.Kind == Delete || t.Kind == Remove):
		return bad("a %s task names no batch", t.Kind)
	case t.Kind == Event && (t.Key == "") != (t.Until == 0):
		return bad("an event task names a key without a time, or a time without a key")
	case t.Kind == Part && (t.From < 1 || t.To < t.From):
		return bad("a part task names no parts (%d to %d)", t.From, t.To)
	case !utf8.ValidString(t.Run + t.Shard + t.Batch + t.Key):
		return bad("a %s task has a name that is not UTF-8", t.Kind)
	}
	return t, nil
}

// Name returns the identity of a body: a short hash of it.
func Name(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:12])
}
