package live

import (
	"context"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// pulling is where a deployment's long invocations give signs of life:
// `pull/<since>-<process>`. They are live records of no run; lifecycle rules
// drop what is left of old ones.
const pulling = "pull/"

// WritePulling writes a sign of life of a process that pulls from the deployment's
// queues; its Seen is left to the store. at is the time by p's own clock.
func WritePulling(ctx context.Context, dir files.Folder, p Sign, at time.Time) error {
	return files.WriteRecord(ctx, dir, pullingName(p), record{files.Version, p.Process, p.Since.UTC(), at.UTC()})
}

// EmptyPulling empties the sign of a process that pulls no longer. Its record is
// emptied, not deleted, so that its role needs no permission to delete.
func EmptyPulling(ctx context.Context, dir files.Folder, p Sign) error {
	return dir.Write(ctx, pullingName(p), nil)
}

func pullingName(p Sign) string { return pulling + p.Since.UTC().Format(files.Time) + "-" + p.Process }

// ReadPulling lists the processes that pull and began after since, in the order in
// which they began. How it tells who is alive is what ReadSigns says of it,
// now included.
func ReadPulling(ctx context.Context, dir files.Folder, since, now time.Time) ([]Sign, error) {
	ended := map[string]bool{}
	within := store.Range{Prefix: pulling, After: pulling + since.UTC().Format(files.Time)}
	all, err := files.ListAll(ctx, dir, within, func(name string, o store.Object) (Sign, bool) {
		p, ok := signOf(strings.TrimPrefix(name, pulling), o)
		if ok {
			ended[p.Process] = o.Size == 0
		}
		return p, ok
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p Sign) bool { return ended[p.Process] }) // of its signs, too, that are not empty
	return alive(all, now), nil
}
