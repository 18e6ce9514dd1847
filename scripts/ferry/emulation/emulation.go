// Package emulation is what `ferry emulate` serves: Kodo, OSS, MNS and SQS at addresses of
// the caller's choice, the source filled, with faults of the caller's choice.
package emulation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"kodoferry/scripts/ferry/bench"
	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/sqs"
)

// Options says what is served, and where. The faults are as chaos.ParseRule reads them.
type Options struct {
	Objects               int   // objects as life makes them, in the source
	Synthetic             int64 // or so many that are generated when they are read
	Seed                  uint64
	MD5                   bool  // the listing has the MD5 of a generated object
	MinSize, MaxSize      int64 // of a generated object, in bytes
	AttributesOnly        bool  // OSS keeps no bytes but the ledger's
	BriefETags            bool  // and names what it does not keep by its CRC64
	Unverified            bool  // neither Kodo, of downloads, nor OSS verifies a signature
	KodoAddr, OSSAddr     string
	MNSAddr, SQSAddr      string
	S3Addr, S3Name        string // of Kodo's S3 interface: the address, the bucket's name there
	KodoFaults, OSSFaults []string
	MNSFaults, SQSFaults  []string
	Unsigned, Mirror      bool  // OSS: serve without signatures; hold an equal listing below bench.MirrorPrefix
	Rate                  int64 // bytes a second of each connection of Kodo and OSS, each way; 0 holds none
	ZeroCounts            bool  // MNS returns 0 for the number of messages
}

// The keys that every stand-in takes, and the name of the source at the S3 interface.
const (
	AccessKey = "emulated-access-key"
	SecretKey = "emulated-secret-key"
	S3Name    = standins.Source + "-s3" // the source at Kodo's S3 interface, unless the options name it

	region    = "cn-hangzhou"
	awsRegion = "eu-central-1"   // of SQS
	hidden    = 30 * time.Minute // what a queue hides a received message for, as infra/ has it
)

// Emulation is the stand-ins at work.
type Emulation struct {
	kodo *kodo.Server
	oss  *oss.Server
	mns  *mns.Server
	sqs  *sqs.Server

	s3Name string // of the source, at the S3 interface
}

// faults are the rules of each stand-in.
type faults struct{ kodo, oss, mns, sqs []chaos.Rule }

func (o Options) faults() (f faults, err error) {
	var wrong [4]error
	f.kodo, wrong[0] = rules("--kodo-fault", o.KodoFaults)
	f.oss, wrong[1] = rules("--oss-fault", o.OSSFaults)
	f.mns, wrong[2] = rules("--mns-fault", o.MNSFaults)
	f.sqs, wrong[3] = rules("--sqs-fault", o.SQSFaults)
	return f, errors.Join(wrong[:]...)
}

// Check returns every mistake in o, in the words of the flags.
func (o Options) Check() error {
	_, err := o.faults()
	wrong := []error{err}
	if o.Objects > 0 && o.Synthetic > 0 {
		wrong = append(wrong, errors.New("--objects and --synthetic: the bucket is filled by one of them"))
	}
	if o.Rate < 0 {
		wrong = append(wrong, fmt.Errorf("--connection-rate %d: want bytes a second, or 0 for any", o.Rate))
	}
	if o.Objects < 0 || o.Synthetic < 0 || o.MinSize < 0 || o.MaxSize < o.MinSize {
		wrong = append(wrong, errors.New("--objects, --synthetic, --min-size and --max-size: want numbers from 0, and a least size that is not above the most"))
	}
	for _, a := range [][2]string{{"--kodo-addr", o.KodoAddr}, {"--s3-addr", o.S3Addr}, {"--oss-addr", o.OSSAddr}, {"--mns-addr", o.MNSAddr}, {"--sqs-addr", o.SQSAddr}} {
		if _, _, err := net.SplitHostPort(a[1]); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %q: want host:port, as in 127.0.0.1:9001", a[0], a[1]))
		}
	}
	if o.S3Name == "" || strings.Contains(o.S3Name, "/") {
		wrong = append(wrong, fmt.Errorf("--s3-name %q: want the name of a bucket, as %s or %s", o.S3Name, S3Name, standins.Source))
	}
	return errors.Join(wrong...)
}

// Start starts all stand-ins and fills the source.
func Start(o Options) (*Emulation, error) {
	f, err := o.faults()
	if err != nil {
		return nil, err
	}
	e := &Emulation{s3Name: o.S3Name}
	if err := o.serve(e); err != nil {
		e.Close()
		return nil, err
	}
	e.kodo.Desk().Inject(f.kodo...)
	e.oss.Desk().Inject(f.oss...)
	e.mns.Desk().Inject(f.mns...)
	e.sqs.Desk().Inject(f.sqs...)
	return e, nil
}

// serve starts the stand-ins and makes what they hold.
func (o Options) serve(e *Emulation) (err error) {
	taken := func(flag string, err error) error {
		return fmt.Errorf("%s: %w; choose another, or none for any free port", flag, err)
	}
	if e.kodo, err = kodo.Start(kodo.Config{Addr: o.KodoAddr, S3Addr: o.S3Addr, AccessKey: AccessKey, SecretKey: SecretKey, Seed: o.Seed, Unsigned: o.Unsigned, Unverified: o.Unverified, Rate: o.Rate}); err != nil {
		return taken("--kodo-addr, --s3-addr", err)
	}
	if e.oss, err = oss.Start(oss.Config{
		Addr: o.OSSAddr, AccessKeyID: AccessKey, AccessKeySecret: SecretKey, Region: region, Seed: o.Seed + 1, Rate: o.Rate,
		AttributesOnly: o.AttributesOnly, BriefETags: o.BriefETags, Unverified: o.Unverified, Keep: func(_, key string) bool { return strings.HasPrefix(key, standins.Ledger) },
	}); err != nil {
		return taken("--oss-addr", err)
	}
	if e.mns, err = mns.Start(mns.Config{
		Addr: o.MNSAddr, AccessKeyID: AccessKey, AccessKeySecret: SecretKey, Region: region, Seed: o.Seed + 2, ZeroCounts: o.ZeroCounts,
	}); err != nil {
		return taken("--mns-addr", err)
	}
	if e.sqs, err = sqs.Start(sqs.Config{
		Addr: o.SQSAddr, AccessKeyID: AccessKey, SecretAccessKey: SecretKey, Region: awsRegion, Seed: o.Seed + 3,
	}); err != nil {
		return taken("--sqs-addr", err)
	}
	made := []error{
		e.kodo.CreateBucket(standins.Source), e.kodo.SetS3Name(standins.Source, o.S3Name), e.oss.CreateBucket(standins.Target), o.fill(e.kodo),
		standins.MakeMNS(e.mns, hidden), standins.MakeSQS(e.sqs, hidden),
	}
	if o.Unsigned {
		made = append(made, e.oss.SetACL(standins.Target, "public-read-write"))
	}
	if o.Mirror {
		made = append(made, mirror(e))
	}
	return errors.Join(made...)
}

func rules(flag string, texts []string) ([]chaos.Rule, error) {
	var rules []chaos.Rule
	var wrong []error
	for _, text := range texts {
		r, err := chaos.ParseRule(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", flag, err))
		}
		rules = append(rules, r)
	}
	return rules, errors.Join(wrong...)
}

func (o Options) fill(k *kodo.Server) error {
	if o.Synthetic > 0 {
		return k.Synthesize(standins.Source, kodo.Synthetic{Count: o.Synthetic, Seed: o.Seed, MinSize: o.MinSize, MaxSize: o.MaxSize, Depth: 2, MD5: o.MD5})
	}
	for it := range life.Bucket(o.Objects, o.Seed) {
		var body bytes.Buffer
		if _, err := io.Copy(&body, it.Content()); err != nil {
			return err
		}
		if _, err := k.Put(standins.Source, standins.AtKodo(it, body.Bytes())); err != nil {
			return err
		}
	}
	return nil
}

// Close stops the stand-ins that were started.
func (e *Emulation) Close() {
	// Nothing depends on how a stand-in ends.
	if e.kodo != nil {
		_ = e.kodo.Close()
	}
	if e.oss != nil {
		_ = e.oss.Close()
	}
	if e.mns != nil {
		_ = e.mns.Close()
	}
	if e.sqs != nil {
		_ = e.sqs.Close()
	}
}

// mirror makes OSS hold a copy of everything in the source, by its attributes
// alone: 2 million take half a gigabyte. They are stored now, so they are newer
// than any source object that was not uploaded now.
func mirror(e *Emulation) error {
	at := 0
	for o := range e.kodo.Objects(standins.Source) {
		at++
		tag := strings.ToUpper(o.MD5Sum)
		if tag == "" { // one that is nobody's MD5
			tag = fmt.Sprintf("%032X", at)
		}
		err := e.oss.Put(standins.Target, oss.Object{Key: bench.MirrorPrefix + o.Key, Size: o.Size, ETag: tag})
		if err != nil {
			return err
		}
	}
	return nil
}
