package kodo

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/qiniu/go-sdk/v7/storage"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const maxBatch = 250 // operations a batch request: what qshell sends (qshell, docs/batchstat.md)

// askThawed asks which archived objects of p are thawed, and corrects Frozen.
func (b *Bucket) askThawed(ctx context.Context, p *page) error {
	for ask := p.thaw; len(ask) > 0; {
		some := ask[:min(len(ask), maxBatch)]
		ask = ask[len(some):]
		_, err := retry(ctx, b, "kodo.batch", p.objects[some[0]].Key, func() (struct{}, error) {
			return struct{}{}, b.askSome(ctx, p.objects, some)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// askSome asks once about the objects at some. The answer must hold as many
// results, each with a code, and those of success the data of an object.
func (b *Bucket) askSome(ctx context.Context, objects []store.Object, some []int) error {
	const op = "kodo.batch"
	h, err := b.resolve(ctx, false)
	if err != nil {
		return err
	}
	batch := &apis.BatchOpsRequest{}
	for _, i := range some {
		batch.Operations = append(batch.Operations, storage.URIStat(b.cfg.Bucket, objects[i].Key))
	}
	var answers []struct {
		Code int `json:"code"`
		Data *struct {
			Error    string `json:"error"`
			Restored int64  `json:"restoreStatus"`
		} `json:"data"`
	}
	r := request{op: op, key: objects[some[0]].Key, own: true, read: func(data []byte) error {
		if err := json.Unmarshal(data, &answers); err != nil {
			return err
		}
		if len(answers) != len(some) {
			return fault.Errorf("%d answers to %d questions", len(answers), len(some))
		}
		return nil
	}}
	_, err = ask(ctx, b, r, h.rs, func(ctx context.Context, o *apis.Options) (*apis.BatchOpsResponse, error) {
		return newSDK(b).BatchOps(ctx, batch, o)
	})
	if err != nil {
		return err
	}
	for n, i := range some {
		a := answers[n]
		said := ""
		if a.Data != nil {
			said = fault.Said(a.Data.Error)
		}
		switch {
		case a.Code == 0, a.Code == http.StatusOK && (a.Data == nil || said != ""):
			return r.unreadable(fault.Errorf("of key %q it has the code %d and no data of an object", objects[i].Key, a.Code))
		case a.Code == http.StatusOK:
			objects[i].Frozen = a.Data.Restored != thawed
		case a.Code == codeNoKey: // deleted since it was listed: reading it will tell
			objects[i].Frozen = false
		default:
			kind, cause := b.meaning(ofBucket, &refusal{status: a.Code, text: said})
			return fault.New(kind, op, objects[i].Key, cause)
		}
	}
	return nil
}
