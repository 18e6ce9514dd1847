package reports

import (
	"context"
	"io"
	"slices"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/pipeline/reproof"
)

// mostVerifications is how many verifications of a run a report names: the newest.
const mostVerifications = 10

// printVerifications prints what later verifications of a run came to, the newest first.
func printVerifications(ctx context.Context, run *ledger.Run, out io.Writer) error {
	of, err := run.ReadStarted(ctx)
	if err != nil {
		return err
	}
	names, err := index.Verifications(ctx, run)
	if err != nil {
		return err
	}
	for i, name := range slices.Backward(names) {
		if i < len(names)-mostVerifications {
			break
		}
		v := run.Verification(name)
		started, err := v.ReadStarted(ctx)
		if ledger.Missing(err) { // it left something, but never started
			continue
		}
		if err != nil {
			return err
		}
		line, next := goesOn(of, started), "status"
		switch rep, err := reproof.ReadReport(ctx, v); {
		case err == nil:
			line, next = show.VerificationLine(rep), "report"
		case !ledger.Missing(err):
			return err
		}
		if err := show.Print(out, "\n"+line+"\n  ferry "+next+" "+name); err != nil {
			return err
		}
	}
	return nil
}

// goesOn says by which command a verification that is not over goes on.
func goesOn(of, v ledger.Started) string {
	asked := v.Verifies
	if asked == nil {
		return show.Sentence("again.under_way")
	}
	text := "ferry verify " + asked.Run + " --mode " + asked.Mode + " --sample " + reproof.ShareText(asked.Sample) + " --seed " + words.Key(asked.Seed)
	if asked.Prefix != "" {
		text += " --prefix " + words.Key(asked.Prefix)
	}
	if of.Deployed && !v.Deployed {
		text += " --here"
	}
	return show.Sentence("again.go_on", text)
}

// showVerification prints what a verification came to, and keeps its files in dir, if there is one.
func showVerification(ctx context.Context, run *ledger.Run, asJSON bool, dir string, out io.Writer) error {
	raw, err := run.Results().ReadReport(ctx)
	if err != nil {
		return err
	}
	rep, err := reproof.DecodeReport(raw, run.Name)
	if err != nil {
		return err
	}
	if asJSON {
		if _, err := out.Write(append(raw, '\n')); err != nil {
			return err
		}
	} else if err := show.Verification(out, rep); err != nil {
		return err
	}
	if dir != "" {
		kept := outcome.Record{Files: map[string][]byte{"report.json": raw}}
		for _, f := range rep.Files {
			if kept.Files[f.Name], err = run.Read(ctx, f.Name); err != nil {
				return err
			}
		}
		if err := kept.Keep(dir); err != nil {
			return err
		}
	}
	if !rep.Verified {
		return cli.ErrIncomplete
	}
	return nil
}
