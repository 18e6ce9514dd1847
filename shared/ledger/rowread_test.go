package ledger

import (
	"reflect"
	"testing"
	"time"

	"kodoferry/shared/store"
)

// roundTrip returns a row as it is read of the segment that it is written into.
func roundTrip(t testing.TB, r Row) Row {
	t.Helper()
	data, err := encodeSegment(segmentHead{}, []Row{r})
	if err != nil {
		t.Fatal(err)
	}
	_, back, err := decodeSegment(data, "a segment")
	if err != nil {
		t.Fatal(err)
	}
	return back[0]
}

// filled is a row that has something in every field.
func filled() (r Row) {
	n := 0
	fill(reflect.ValueOf(&r).Elem(), &n)
	r.Src.Origin = nil
	return r
}

func TestARowAsReadIsTheOneThatIsRead(t *testing.T) {
	now := time.Now()
	for name, row := range map[string]Row{
		"every field":  filled(),
		"none":         {},
		"a listed one": {Src: store.Object{Key: "a", Size: 3, Hash: "h", Modified: now.UTC(), Type: "image/jpeg", Class: store.Standard}, State: Pending, At: now.UTC().Truncate(time.Millisecond)},
		"what the clock of the process reads": {
			Src: store.Object{Modified: now.UTC()}, At: now.UTC(), Dst: &Dst{Modified: now.UTC()}, Thaw: &Thaw{Since: now.UTC()},
			Was: &Known{Modified: now.UTC(), Dst: Dst{Modified: now.UTC()}},
		},
		"no times":           {Dst: &Dst{}, Was: &Known{}, Thaw: &Thaw{}},
		"empty, and not nil": {Src: store.Object{Parts: []int64{}, Header: map[string]string{}, Meta: map[string]string{}, Warnings: []string{}}, Warnings: []string{}},
		"what no file has":   {Src: store.Object{Ambiguous: "it may be another's"}, Then: Look},
		"texts of all sorts": {Src: store.Object{Key: "\x00\"<&>é中😀\u2028\ufffd", Meta: map[string]string{"<": "\\"}}, Reason: "\t\x7f"},
	} {
		t.Run(name, func(t *testing.T) {
			want, got := roundTrip(t, row), row
			if !got.AsRead() || !reflect.DeepEqual(got, want) {
				t.Errorf("as read it is %+v\nwhat is read is %+v", got, want)
			}
		})
	}
}

// spoil makes the n-th text, time or map of v, from 0 on, one that is not read as it was. It
// returns how many there are before it, n if it was found.
func spoil(v reflect.Value, n, seen int) int {
	var odd any
	switch {
	case v.Kind() == reflect.String:
		odd = "half \xc3"
	case v.Kind() == reflect.Map:
		odd = map[string]string{"name": "half \xc3"}
	case v.Type() == reflect.TypeFor[time.Time]():
		odd = time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return spoil(v.Elem(), n, seen)
	case v.Kind() == reflect.Slice:
		return spoil(v.Index(1), n, seen)
	case v.Kind() == reflect.Struct:
		for i := 0; i < v.NumField() && seen <= n; i++ {
			seen = spoil(v.Field(i), n, seen)
		}
		return seen
	default:
		return seen
	}
	if seen == n {
		v.Set(reflect.ValueOf(odd).Convert(v.Type()))
	}
	return seen + 1
}

// TestARowOfWhichAnotherIsReadIsNotTakenForIt, whichever of its fields is to blame.
func TestARowOfWhichAnotherIsReadIsNotTakenForIt(t *testing.T) {
	n := 0
	for ; ; n++ {
		row := filled()
		if spoil(reflect.ValueOf(&row).Elem(), n, 0) <= n {
			break
		}
		want, as := roundTrip(t, row), row
		if as.AsRead() && !reflect.DeepEqual(as, want) {
			t.Errorf("as read it is %+v\nwhat is read is %+v", as, want)
		}
	}
	if n < 40 {
		t.Errorf("a row has %d texts, times and maps, want all of them", n)
	}
	abroad := Row{Src: store.Object{Origin: &store.Origin{}}}
	if abroad.AsRead() {
		t.Error("a row of what is in a target is taken as read")
	}
}

// TestWhatIsAddedToARowAsReadIsNoOthers: listed objects may have their warnings in one slice.
func TestWhatIsAddedToARowAsReadIsNoOthers(t *testing.T) {
	all := []string{"first", "second"}
	row := Row{Src: store.Object{Warnings: all[:1]}, Warnings: all[:1]}
	if !row.AsRead() {
		t.Fatal("it is not taken as read")
	}
	_, _ = append(row.Warnings, "mine"), append(row.Src.Warnings, "mine")
	if all[1] != "second" {
		t.Errorf("another's warning is %q", all[1])
	}
}
