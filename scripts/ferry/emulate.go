package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/bench"
	"kodoferry/scripts/ferry/life"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/sqs"
)

// emulateOptions are the flags of `ferry emulate`.
type emulateOptions struct {
	json                  bool
	objects               int
	seed                  uint64
	synthetic             int64
	md5                   bool
	minSize, maxSize      int64
	attributesOnly        bool
	kodoAddr, ossAddr     string
	mnsAddr, sqsAddr      string
	s3Addr, s3Name        string
	kodoFaults, ossFaults []string
	mnsFaults, sqsFaults  []string
	unsigned, mirror      bool
	untilEOF              bool
	profile               string
	zeroCounts            bool
}

func emulateCommand() *cobra.Command {
	var o emulateOptions
	c := &cobra.Command{
		Use:   "emulate",
		Short: "Serve stand-ins for Kodo, OSS, MNS and SQS on this machine until interrupted",
		Long: `Emulate serves strict stand-ins for the services on the loopback interface, for
Ferry and for any other client: signatures are verified, limits enforced, the
services' own errors answered. Nothing is written to disk.

The Kodo bucket "photos" is filled by --objects or --synthetic, and is to be read
through the S3-compatible interface, too, as "photos-s3" (--s3-name); the OSS bucket
"photos-new" and the queues of a deployment, at MNS and at SQS, are empty. Faults are operation:kind:rate[:argument], with the
kinds latency, status, throttle, reset, flip, lost, cut and empty.`,
		Example: `  ferry emulate --objects 2000
  ferry emulate --json --synthetic 10000000 --attributes-only
  ferry emulate --objects 500 --kodo-fault get:flip:0.05 --oss-fault put:lost:0.01 --oss-fault '*:latency:1:20ms'`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if o.untilEOF {
				ctx = untilEOF(ctx, c.InOrStdin())
			}
			stop, err := profiled(o.profile)
			if err != nil {
				return err
			}
			return errors.Join(runEmulate(ctx, o, c.OutOrStdout()), stop())
		},
	}
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "one line of JSON: endpoints, keys, buckets, environment")
	f.IntVar(&o.objects, "objects", 0, "fill photos with so many objects as the demo's")
	f.Uint64Var(&o.seed, "seed", 1, "what contents and faults derive from")
	f.Int64Var(&o.synthetic, "synthetic", 0, "fill photos with so many generated objects, none of them stored")
	f.BoolVar(&o.md5, "md5", false, "have --synthetic objects list their MD5, as what was uploaded by a form does")
	f.Int64Var(&o.minSize, "min-size", 0, "least bytes of a generated object")
	f.Int64Var(&o.maxSize, "max-size", 16<<10, "most bytes of a generated object")
	f.BoolVar(&o.attributesOnly, "attributes-only", false, "OSS keeps no bytes of what is copied, only attributes: ten million objects fit in memory")
	f.StringVar(&o.kodoAddr, "kodo-addr", "127.0.0.1:0", "where Kodo listens")
	f.StringVar(&o.s3Addr, "s3-addr", "127.0.0.1:0", "where Kodo's S3-compatible interface listens; its faults are Kodo's: s3-get, s3-head, s3-list")
	f.StringVar(&o.s3Name, "s3-name", emulatedS3, "what photos is called there; a bucket at Kodo may have another name for S3, or the same")
	f.StringVar(&o.ossAddr, "oss-addr", "127.0.0.1:0", "where OSS listens")
	f.StringVar(&o.mnsAddr, "mns-addr", "127.0.0.1:0", "where MNS listens")
	f.BoolVar(&o.zeroCounts, "mns-zero-counts", false, "MNS tells 0 for the number of messages of every queue, as the service is announced to")
	f.StringVar(&o.sqsAddr, "sqs-addr", "127.0.0.1:0", "where SQS listens")
	f.StringArrayVar(&o.kodoFaults, "kodo-fault", nil, "a fault of Kodo; may be given again")
	f.StringArrayVar(&o.ossFaults, "oss-fault", nil, "a fault of OSS; may be given again")
	f.StringArrayVar(&o.mnsFaults, "mns-fault", nil, "a fault of MNS; may be given again")
	f.StringArrayVar(&o.sqsFaults, "sqs-fault", nil, "a fault of SQS; may be given again")
	f.BoolVar(&o.unsigned, "unsigned", false, "serve GET and PUT without a signature, too; one that is brought is verified")
	f.BoolVar(&o.mirror, "mirror", false, "OSS already holds an equal listing of photos, without bytes, under "+bench.MirrorPrefix)
	f.BoolVar(&o.untilEOF, "until-eof", false, "end when standard input does, as it does with the program that holds its other end")
	f.StringVar(&o.profile, "cpuprofile", "", "write a processor profile to this file")
	_ = f.MarkHidden("cpuprofile") // it is defined above
	return c
}

const (
	emulatedKey    = "emulated-access-key"
	emulatedSecret = "emulated-secret-key"
	emulatedRegion = "cn-hangzhou"
	emulatedAWS    = "eu-central-1"     // the region of SQS
	emulatedHides  = 30 * time.Minute   // what a queue hides a received message for, as infra/ has it
	emulatedS3     = demoSource + "-s3" // what photos is called at Kodo's S3 interface, unless --s3-name says otherwise
)

func runEmulate(ctx context.Context, o emulateOptions, out io.Writer) error {
	e, err := o.start()
	if err != nil {
		return err
	}
	defer e.close()
	if o.json {
		err = json.NewEncoder(out).Encode(e.describe())
	} else {
		_, err = io.WriteString(out, e.explain())
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil // to be interrupted is how it ends
}

// emulation is the stand-ins at work.
type emulation struct {
	kodo *kodo.Server
	oss  *oss.Server
	mns  *mns.Server
	sqs  *sqs.Server

	s3Name string // of photos, at the S3 interface
}

// start checks every flag, starts all and fills the source.
func (o emulateOptions) start() (*emulation, error) {
	kodoRules, kerr := rules("--kodo-fault", o.kodoFaults)
	ossRules, oerr := rules("--oss-fault", o.ossFaults)
	mnsRules, merr := rules("--mns-fault", o.mnsFaults)
	sqsRules, serr := rules("--sqs-fault", o.sqsFaults)
	wrong := []error{kerr, oerr, merr, serr}
	if o.objects > 0 && o.synthetic > 0 {
		wrong = append(wrong, errors.New("--objects and --synthetic: the bucket is filled by one of them"))
	}
	if o.objects < 0 || o.synthetic < 0 || o.minSize < 0 || o.maxSize < o.minSize {
		wrong = append(wrong, errors.New("--objects, --synthetic, --min-size and --max-size: want numbers from 0, and a least size that is not above the most"))
	}
	for flag, addr := range map[string]string{"--kodo-addr": o.kodoAddr, "--s3-addr": o.s3Addr, "--oss-addr": o.ossAddr, "--mns-addr": o.mnsAddr, "--sqs-addr": o.sqsAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %q: want host:port, as in 127.0.0.1:9001", flag, addr))
		}
	}
	if o.s3Name == "" || strings.Contains(o.s3Name, "/") {
		wrong = append(wrong, fmt.Errorf("--s3-name %q: want the name of a bucket, as %s or %s", o.s3Name, emulatedS3, demoSource))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, usageError{err}
	}
	e := &emulation{s3Name: o.s3Name}
	if err := o.serve(e); err != nil {
		e.close()
		return nil, err
	}
	e.kodo.Desk().Inject(kodoRules...)
	e.oss.Desk().Inject(ossRules...)
	e.mns.Desk().Inject(mnsRules...)
	e.sqs.Desk().Inject(sqsRules...)
	return e, nil
}

// serve starts the stand-ins and makes what they hold.
func (o emulateOptions) serve(e *emulation) (err error) {
	taken := func(flag string, err error) error {
		return fmt.Errorf("%s: %w; choose another, or none for any free port", flag, err)
	}
	if e.kodo, err = kodo.Start(kodo.Config{Addr: o.kodoAddr, S3Addr: o.s3Addr, AccessKey: emulatedKey, SecretKey: emulatedSecret, Seed: o.seed, Unsigned: o.unsigned}); err != nil {
		return taken("--kodo-addr, --s3-addr", err)
	}
	if e.oss, err = oss.Start(oss.Config{
		Addr: o.ossAddr, AccessKeyID: emulatedKey, AccessKeySecret: emulatedSecret, Region: emulatedRegion, Seed: o.seed + 1,
		AttributesOnly: o.attributesOnly, Keep: func(_, key string) bool { return strings.HasPrefix(key, demoLedger) },
	}); err != nil {
		return taken("--oss-addr", err)
	}
	if e.mns, err = mns.Start(mns.Config{
		Addr: o.mnsAddr, AccessKeyID: emulatedKey, AccessKeySecret: emulatedSecret, Region: emulatedRegion, Seed: o.seed + 2, ZeroCounts: o.zeroCounts,
	}); err != nil {
		return taken("--mns-addr", err)
	}
	if e.sqs, err = sqs.Start(sqs.Config{
		Addr: o.sqsAddr, AccessKeyID: emulatedKey, SecretAccessKey: emulatedSecret, Region: emulatedAWS, Seed: o.seed + 3,
	}); err != nil {
		return taken("--sqs-addr", err)
	}
	made := []error{e.kodo.CreateBucket(demoSource), e.kodo.SetS3Name(demoSource, o.s3Name), e.oss.CreateBucket(demoTarget), o.fill(e.kodo)}
	for _, name := range app.QueueNames {
		made = append(made, e.mns.CreateQueue(demoQueues+name, mns.Attributes{Visibility: emulatedHides}))
		a := sqs.Attributes{Visibility: emulatedHides}
		if name != deadLetters {
			a.DeadLetter, a.MaxReceive = demoQueues+deadLetters, maxReceives
		}
		made = append(made, e.sqs.CreateQueue(demoQueues+name, a))
	}
	if o.unsigned {
		made = append(made, e.oss.SetACL(demoTarget, "public-read-write"))
	}
	if o.mirror {
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

func (o emulateOptions) fill(k *kodo.Server) error {
	if o.synthetic > 0 {
		return k.Synthesize(demoSource, kodo.Synthetic{Count: o.synthetic, Seed: o.seed, MinSize: o.minSize, MaxSize: o.maxSize, Depth: 2, MD5: o.md5})
	}
	for it := range life.Bucket(o.objects, o.seed) {
		var body bytes.Buffer
		if _, err := io.Copy(&body, it.Content()); err != nil {
			return err
		}
		if _, err := k.Put(demoSource, atKodo(it, body.Bytes())); err != nil {
			return err
		}
	}
	return nil
}

func (e *emulation) close() {
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
