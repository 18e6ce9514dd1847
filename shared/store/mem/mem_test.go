package mem_test

import (
	"bytes"
	"testing"

	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/store/storetest"
)

func fixture(f mem.Flavor) func(t *testing.T) storetest.Fixture {
	return func(t *testing.T) storetest.Fixture {
		b := mem.New(f)
		return storetest.Fixture{Source: b, Put: func(o store.Object, body []byte) {
			if _, err := b.Put(t.Context(), o, bytes.NewReader(body), store.Put{}); err != nil {
				t.Fatal(err)
			}
		}}
	}
}

func TestConformance(t *testing.T) {
	storetest.Target(t, fixture(mem.OSS))
	storetest.Multipart(t, fixture(mem.OSS))
	storetest.Lister(t, fixture(mem.OSS))
}

func TestASourceOfKodosKindConforms(t *testing.T) { storetest.Source(t, fixture(mem.Kodo)) }
