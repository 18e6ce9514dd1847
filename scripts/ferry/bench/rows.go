package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// keysPerFile is how many rows a file has, as a shard has keys.
const keysPerFile = 200_000

// remember writes the rows of a run that has copied every key, in the name of a job that
// copies to where the target's copies are.
func (b *session) remember(ctx context.Context) error {
	b.step("rows of an earlier run")
	const name = "earlier/20240101T000000Z"
	j, err := job.New(b.spec.Source, b.under(MirrorPrefix), b.spec.Ledger)
	if err != nil {
		return err
	}
	sites, err := app.Load(func(name string) string { return b.clouds.Env[name] }).Connect(j)
	if err != nil {
		return err
	}
	run := sites.Ledger.Run(name)
	m := report.Manifest{V: ledger.Version, Run: name}
	w, file := memory.NewWriter(name), ledger.File{}
	finish := func() error {
		if w.Rows() == 0 {
			return nil
		}
		file.Rows = w.Rows()
		data, sum := w.Finish()
		packed, err := run.Results().WritePacked(ctx, fmt.Sprint(len(m.Files)), data)
		file.Packed = &ledger.Packed{Name: packed, SHA256: sum}
		m.Files = append(m.Files, file)
		w, file = memory.NewWriter(name), ledger.File{}
		return err
	}
	target := listing.Rename(sites.Target, j.Source.Prefix, j.Target.Prefix)
	all := store.Range{}
	for p, err := range listing.Join(listing.From(ctx, sites.Source, all), listing.From(ctx, target, all), false) {
		if err != nil {
			return err
		}
		if file.First == "" {
			file.First = p.Src.Key
		}
		file.Last = p.Src.Key
		w.Add(memory.Row{
			Key: p.Src.Key, Src: *p.Src, Dst: ledger.Dst{ETag: p.Dst.Hash, CRC64: fmt.Sprint(uint64(w.Rows()) * 0x9e3779b97f4a7c15), Size: p.Dst.Size, Modified: p.Dst.Modified},
			State: ledger.Copied, Proof: ledger.ByQetag, Author: name, Prover: name,
		})
		if w.Rows() == keysPerFile {
			if err := finish(); err != nil {
				return err
			}
		}
	}
	if err := finish(); err != nil {
		return err
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := run.Results().WriteFile(ctx, ledger.ManifestFile, manifest); err != nil {
		return err
	}
	sum := sha256.Sum256(manifest)
	return index.WritePairRun(ctx, sites.Ledger, j.Pair(), index.PairRun{Last: ledger.Last{Run: name, Manifest: hex.EncodeToString(sum[:])}, At: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Whole: true})
}
