package demo

import (
	"errors"
	"fmt"
	"io"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/pipeline/watch"
)

// world is the stand-ins, the bucket in them, and what happens to it.
type world struct {
	options Options
	tell    *show.Teller
	caught  *show.Caught
	clouds  *standins.World
	objects []*object
	byKey   map[string]*object
	cast    []*object
	bytes   int64

	seen      sightings
	functions functions
	check     check
}

// newWorld starts the stand-ins and fills the source.
func newWorld(o Options, tell *show.Teller) (*world, error) {
	w := &world{
		options: o, tell: tell, caught: show.NewCaught(tell), byKey: map[string]*object{},
	}
	w.seen, w.functions, w.check = newSightings(w), functions{w}, check{w}
	var err error
	if w.clouds, err = standins.Start(o.StandIns, standins.Clocks{}); err != nil {
		return nil, err
	}
	if err := w.fill(); err != nil {
		w.clouds.Close()
		return nil, err
	}
	w.clouds.Kodo.OnRequest(w.seen.atSource)
	w.clouds.OSS.OnRequest(w.seen.atTarget)
	w.clouds.OSS.OnStored(w.seen.stored)
	return w, nil
}

// fill creates the buckets, and the objects of the source.
func (w *world) fill() error {
	if err := errors.Join(w.clouds.Kodo.CreateBucket(standins.Source), w.clouds.OSS.CreateBucket(standins.Target), w.clouds.MakeQueues(visibility)); err != nil {
		return err
	}
	for it := range life.Bucket(w.options.Objects, w.options.StandIns.Seed) {
		o := &object{Item: it}
		o.want, o.story = outcome.Expect(it)
		w.objects = append(w.objects, o)
		w.byKey[o.Key] = o
		w.bytes += o.Size
	}
	var err error
	if w.cast, err = casting(w.objects); err != nil {
		return err
	}
	for _, o := range w.objects {
		body := make([]byte, o.Size)
		if _, err := io.ReadFull(o.Content(), body); err != nil {
			return fmt.Errorf("demo: content of %q: %w", o.Key, err)
		}
		o.sum = digest.CRC64(0, body)
		if _, err := w.clouds.Kodo.Put(standins.Source, o.at(body)); err != nil {
			return err
		}
	}
	return nil
}

// at is the object as Kodo holds it, with that content.
func (o *object) at(body []byte) kodo.Object {
	k := standins.AtKodo(o.Item, body)
	k.Hash = o.listed
	return k
}

// calm ends the faults, before what is there is checked.
func (w *world) calm() {
	w.clouds.Kodo.Desk().Inject()
	w.clouds.OSS.Desk().Inject()
	w.clouds.OSS.OnStored(nil)
}

// watch shows an event of the pipeline.
func (w *world) watch(e watch.Progress) {
	w.tell.Watch(e)
	if e.Kind != watch.Caught {
		return
	}
	w.seen.met(e.Key, e.Err)
}
