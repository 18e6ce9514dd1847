// Package standins starts the stand-ins that the demo, the storm and `ferry emulate` work
// on, and knows the names of what they hold.
//
//	standins.go    World: Kodo, OSS and the queues in this process
//	queues.go      the queues of a deployment, at MNS or SQS
//	functions.go   the functions' own binaries, on a stand-in of their platform
package standins

import (
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"kodoferry/scripts/ferry/life"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/sqs"
)

// Names of what the stand-ins hold.
const (
	Source = "photos"     // the bucket at Kodo
	Target = "photos-new" // the bucket at OSS
	Ledger = ".ferry/"    // the prefix of the ledger, in Target unless the command says otherwise
	Queues = "ferry-"     // the prefix of queues and functions
	// The stand-ins of a World take no other pair; it opens nothing else.
	AccessKey, SecretKey = "demo-access-key", "demo-secret-key"
)

// The platforms: where the tasks are done.
const (
	InProcess = "process" // in processes of ferry; the queues are MNS's
	FC        = "fc"      // in functions on Function Compute; the queues are MNS's
	Lambda    = "lambda"  // in functions on AWS Lambda; the queues are SQS's
)

// Options are the flags that concern the stand-ins.
type Options struct {
	Seed      uint64 // of the faults
	Platform  string // InProcess, FC or Lambda
	Functions string // directory of built functions; "" builds them

	AttributesOnly bool // OSS keeps no bytes but the ledger's

	ZeroCounts, SerialStreams, Pull bool // of Function Compute's side: see the flags
}

// Check returns the first mistake in o, in the words of the flags.
func (o Options) Check() error {
	if !slices.Contains([]string{InProcess, FC, Lambda}, o.Platform) {
		return fmt.Errorf("--platform %q: want %s, %s or %s", o.Platform, InProcess, FC, Lambda)
	}
	if o.Platform != FC && (o.ZeroCounts || o.SerialStreams || o.Pull) {
		return fmt.Errorf("--zero-counts, --serial-streams, --pull: they are about MNS, event streams and what stands in their place, so that they go with --platform %s", FC)
	}
	return nil
}

// World is the stand-ins of both clouds in this process.
type World struct {
	Options Options
	Clocks  Clocks
	Kodo    *kodo.Server
	OSS     *oss.Server
	MNS     *mns.Server // the queues; nil on Lambda
	SQS     *sqs.Server // the queues on Lambda; nil elsewhere
	Cloud   *fc.Cloud   // the platform of the functions; nil until Deploy

	issued atomic.Int64 // temporary keys of functions
}

// Clocks says how far the clock of each service is ahead of this process's. Of the zero
// value all agree.
type Clocks struct{ Source, Target, Queues time.Duration }

// ahead is a clock that is so far ahead.
func ahead(by time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(by) }
}

// maxSkew is how far apart the clocks of a client and of Kodo, OSS or MNS may be.
const maxSkew = 15 * time.Minute

// Start starts the stand-ins. They hold no bucket and no queue.
func Start(o Options, c Clocks) (*World, error) {
	// Both clouds' objects lie in this process: let the heap grow by a quarter, not
	// by half a gigabyte, before it is collected.
	debug.SetGCPercent(25)
	w := &World{Options: o, Clocks: c}
	var err error
	if w.Kodo, err = kodo.Start(kodo.Config{AccessKey: AccessKey, SecretKey: SecretKey, Seed: o.Seed, Now: ahead(c.Source), Skew: maxSkew}); err != nil {
		return nil, err
	}
	if w.OSS, err = oss.Start(oss.Config{
		AccessKeyID: AccessKey, AccessKeySecret: SecretKey, Region: "cn-hangzhou", Seed: o.Seed + 1, Now: ahead(c.Target),
		AttributesOnly: o.AttributesOnly, Keep: func(_, key string) bool { return strings.HasPrefix(key, Ledger) },
	}); err != nil {
		return nil, errors.Join(err, w.Kodo.Close())
	}
	if err := w.startQueues(); err != nil {
		return nil, errors.Join(err, w.Kodo.Close(), w.OSS.Close())
	}
	return w, nil
}

// Close stops the stand-ins.
func (w *World) Close() {
	_, _, _ = w.Kodo.Close(), w.OSS.Close(), w.closeQueues() // nothing depends on how a stand-in ends
}

// SourceLocation is a bucket at Kodo, as ferry takes it.
func (w *World) SourceLocation(bucket string) string {
	return "kodo://" + bucket + "/?" + url.Values{
		"region": {"z0"}, "endpoint": {w.Kodo.Endpoint()}, "domain": {w.Kodo.Domain(bucket)}, "insecure": {"true"},
	}.Encode()
}

// TargetLocation is a prefix of a bucket at OSS, as ferry takes it.
func (w *World) TargetLocation(bucket, prefix string) string {
	return "oss://" + bucket + "/" + prefix + "?" + url.Values{
		"region": {w.OSS.Region()}, "endpoint": {w.OSS.Endpoint()}, "insecure": {"true"},
	}.Encode()
}

// Keys are the variables with which a process of ferry on this machine may do everything.
func Keys() map[string]string {
	return map[string]string{
		"QINIU_ACCESS_KEY": AccessKey, "QINIU_SECRET_KEY": SecretKey,
		"ALIBABA_CLOUD_ACCESS_KEY_ID": AccessKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SecretKey,
		"AWS_ACCESS_KEY_ID": AccessKey, "AWS_SECRET_ACCESS_KEY": SecretKey,
	}
}

// AtKodo is what life holds as Kodo holds it, with that content.
func AtKodo(it life.Item, body []byte) kodo.Object {
	k := kodo.Object{
		Key: it.Key, Body: body, Parts: it.Parts, MimeType: it.Type, Meta: it.Meta, Type: it.Class,
		PutTime: it.Modified, NoHash: it.NoHash, MD5: it.MD5,
	}
	if it.Disabled {
		k.Status = 1
	}
	if !it.Frozen {
		k.RestoreStatus = 2
	}
	return k
}
