package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/bench"
	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/emulation"
)

func emulateCommand() *cobra.Command {
	var o emulation.Options
	var asJSON, toEOF bool
	profile, env := "", ""
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
  ferry emulate --objects 2000 --env emulated.env     # and elsewhere: . ./emulated.env; ferry copy "$FERRY_SOURCE" "$FERRY_TARGET"
  ferry emulate --json --synthetic 10000000 --attributes-only
  ferry emulate --objects 500 --kodo-fault get:flip:0.05 --oss-fault put:lost:0.01 --oss-fault '*:latency:1:20ms'`,
		Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if toEOF {
				ctx = cli.UntilEOF(ctx, c.InOrStdin())
			}
			stop, err := profiled(profile)
			if err != nil {
				return err
			}
			return errors.Join(runEmulate(ctx, o, env, asJSON, c.OutOrStdout()), stop())
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "one line of JSON: endpoints, keys, buckets, environment")
	f.StringVar(&env, "env", "", "write what to export to this `FILE`, once everything is served")
	f.IntVar(&o.Objects, "objects", 0, "fill photos with so many objects as the demo's")
	f.Uint64Var(&o.Seed, "seed", 1, "what contents and faults derive from")
	f.Int64Var(&o.Synthetic, "synthetic", 0, "fill photos with so many generated objects, none of them stored")
	f.BoolVar(&o.MD5, "md5", false, "have --synthetic objects list their MD5, as what was uploaded by a form does")
	f.Int64Var(&o.MinSize, "min-size", 0, "least bytes of a generated object")
	f.Int64Var(&o.MaxSize, "max-size", 16<<10, "most bytes of a generated object")
	f.BoolVar(&o.AttributesOnly, "attributes-only", false, "OSS keeps no bytes of what is copied, only attributes: ten million objects fit in memory")
	f.BoolVar(&o.Unverified, "unverified", false, "no signature of a download at Kodo, or of any request at OSS, is verified")
	f.BoolVar(&o.BriefETags, "brief-etags", false, "with --attributes-only, OSS names what comes without a Content-MD5 by its CRC64")
	f.StringVar(&o.KodoAddr, "kodo-addr", "127.0.0.1:0", "where Kodo listens")
	f.StringVar(&o.S3Addr, "s3-addr", "127.0.0.1:0", "where Kodo's S3-compatible interface listens; its faults are Kodo's: s3-get, s3-head, s3-list, s3-restore")
	f.StringVar(&o.S3Name, "s3-name", emulation.S3Name, "what photos is called there; a bucket at Kodo may have another name for S3, or the same")
	f.StringVar(&o.OSSAddr, "oss-addr", "127.0.0.1:0", "where OSS listens")
	f.StringVar(&o.MNSAddr, "mns-addr", "127.0.0.1:0", "where MNS listens")
	f.BoolVar(&o.ZeroCounts, "mns-zero-counts", false, "MNS tells 0 for the number of messages of every queue, as the service is announced to")
	f.StringVar(&o.SQSAddr, "sqs-addr", "127.0.0.1:0", "where SQS listens")
	f.StringArrayVar(&o.KodoFaults, "kodo-fault", nil, "a fault of Kodo; may be given again")
	f.StringArrayVar(&o.OSSFaults, "oss-fault", nil, "a fault of OSS; may be given again")
	f.StringArrayVar(&o.MNSFaults, "mns-fault", nil, "a fault of MNS; may be given again")
	f.StringArrayVar(&o.SQSFaults, "sqs-fault", nil, "a fault of SQS; may be given again")
	f.Int64Var(&o.Rate, "connection-rate", 0, "hold each connection of Kodo and OSS to so many bytes a second, each way")
	f.BoolVar(&o.Unsigned, "unsigned", false, "serve GET and PUT without a signature, too; one that is brought is verified")
	f.BoolVar(&o.Mirror, "mirror", false, "OSS already holds an equal listing of photos, without bytes, under "+bench.MirrorPrefix)
	f.BoolVar(&toEOF, "until-eof", false, "end when standard input does, as it does with the program that holds its other end")
	f.StringVar(&profile, "cpuprofile", "", "write a processor profile to this file")
	_ = f.MarkHidden("cpuprofile") // they are defined above
	_ = f.MarkHidden("brief-etags")
	_ = f.MarkHidden("unverified")
	return c
}

func runEmulate(ctx context.Context, o emulation.Options, env string, asJSON bool, out io.Writer) error {
	if err := o.Check(); err != nil {
		return cli.Usage(err)
	}
	e, err := emulation.Start(o)
	if err != nil {
		return err
	}
	defer e.Close()
	if env != "" {
		if err := os.WriteFile(env, []byte(e.Exports()), 0o600); err != nil {
			return cli.Usage(fmt.Errorf("--env: %w", err))
		}
	}
	if asJSON {
		err = json.NewEncoder(out).Encode(e.Describe())
	} else {
		_, err = io.WriteString(out, e.Explain(env))
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil // to be interrupted is how it ends
}
