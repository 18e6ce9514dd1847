package ledger

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// byJSON is a row as encoding/json writes it.
func byJSON(t testing.TB, r Row) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(&r); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// fill sets every field of v to something, so that a field which is added
// later, and is not written or read by hand, shows up here.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(-*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": "1", "a": "2", "é": "3"}))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 23, 1, 2, *n%60, 123456700, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic(v.Type().String() + " is a kind of field that no row had when this was written")
	}
}

func TestEveryFieldOfARowIsWrittenAndReadByHand(t *testing.T) {
	var r Row
	n := 0
	fill(reflect.ValueOf(&r).Elem(), &n)
	r.Src.Origin = nil   // of what is in a target
	r.Src.Ambiguous = "" // listings alone have it
	r.Then = ""          // not kept
	want := byJSON(t, r)
	got, ok := appendRow(nil, &r)
	if !ok || !bytes.Equal(got, want) {
		t.Errorf("written (%v) %s\nwant           %s", ok, got, want)
	}
	var read Row
	if !scanRow(want, &recurring{}, &read) || !reflect.DeepEqual(read, r) {
		t.Errorf("read %+v\nwant %+v", read, r)
	}
}

// rowsOf are rows that hold text where text is told, in their own ways.
func rowsOf(text string, n int64) []Row {
	at := time.Unix(n%1e10, n%1e9).UTC()
	return []Row{
		{Src: store.Object{Key: text, Size: n, Modified: at}, State: Pending},
		{Src: store.Object{Key: "k", Hash: text, Type: text, Class: store.Class(text), Meta: map[string]string{text: text, "m": ""}, Parts: []int64{n, 0}}, State: State(text), Dst: &Dst{ETag: text, Size: n, Modified: at}, At: at},
		{Src: store.Object{Key: "k", Disabled: n%2 == 0, Frozen: n%3 == 0, Header: map[string]string{"Expires": text}}, Reason: text, Warnings: []string{text, ""}, Grew: n, Tries: int(n % 9), Proof: ByCRC, Verdict: Verified, Read: text, Author: text, Prover: text, Attrs: text},
		{Src: store.Object{Key: text, Origin: &store.Origin{Hash: text, Modified: at}}, State: Copied, At: at.In(time.FixedZone("", 3600))},
	}
}

// FuzzRows holds what is written and read by hand against encoding/json.
func FuzzRows(f *testing.F) {
	for _, text := range []string{"", "plain", "é中😀", "\"\\/\b\f\n\r\t\x00\x7f", "<a href=\"&\">", "\u2028 \u2029", "half \xc3", "\xe2\x80", "a\ufffdb"} {
		f.Add(text, int64(len(text)))
		f.Add(text, int64(-1))
	}
	f.Fuzz(func(t *testing.T, text string, n int64) {
		rows := rowsOf(text, n)
		data, err := encodeSegment(segmentHead{}, rows)
		if err != nil {
			t.Fatal(err)
		}
		_, back, err := decodeSegment(data, "a segment")
		if err != nil || len(back) != len(rows) {
			t.Fatalf("read %d rows, %v, want %d", len(back), err, len(rows))
		}
		for i, r := range rows {
			want := byJSON(t, r)
			if got, ok := appendRow(nil, &r); ok && !bytes.Equal(got, want) {
				t.Errorf("written %s\nwant    %s", got, want)
			}
			var read Row
			if err := json.Unmarshal(want, &read); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back[i], read) {
				t.Errorf("read %+v\nwant %+v", back[i], read)
			}
			if as := r; as.AsRead() && !reflect.DeepEqual(as, read) {
				t.Errorf("as read %+v\nread    %+v", as, read)
			}
		}
	})
}

func TestASegmentOfManyRowsIsOneFileToWhoeverReadsIt(t *testing.T) {
	for _, n := range []int{rowsPerMember, rowsPerMember + 1, 3*rowsPerMember + 7} {
		rows := make([]Row, n)
		for i := range rows {
			rows[i] = Row{Src: store.Object{Key: fmt.Sprintf("%07d", i), Size: int64(i)}, State: Pending}
		}
		data, err := encodeSegment(segmentHead{}, rows)
		if err != nil {
			t.Fatal(err)
		}
		head, back, err := decodeSegment(data, "a segment")
		if err != nil || head.Rows != n || !reflect.DeepEqual(back, rows) {
			t.Errorf("of %d rows: read %d, %d of them announced, %v, want the same rows", n, len(back), head.Rows, err)
		}
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if lines := bytes.Count(text, []byte("\n")); err != nil || lines != n+1 {
			t.Errorf("of %d rows the standard library reads %d lines, %v, want one more than rows", n, lines, err)
		}
		member, err := encodeMember(&head, rows[:rowsPerMember])
		if err != nil {
			t.Fatal(err)
		}
		for what, end := range map[string]int{"amid a member": len(data) - 1, "between two": len(member)} {
			if end == len(data) {
				continue
			}
			if _, _, err := decodeSegment(data[:end], "a segment"); fault.KindOf(err) != fault.Corrupt {
				t.Errorf("of %d rows, cut short %s: %v, want it Corrupt", n, what, err)
			}
		}
	}
}

// TestARowWithoutAuthorAndProverIsReadAsBefore has rows that the version before wrote,
// and shows that those without are written as it wrote them.
func TestARowWithoutAuthorAndProverIsReadAsBefore(t *testing.T) {
	const line = `{"src":{"key":"a","size":3,"hash":"F1"},"dst":{"etag":"E","size":3},"state":"copied","proof":"qetag","at":"2026-01-02T03:04:05Z"}`
	var r Row
	if !scanRow([]byte(line), &recurring{}, &r) || r.Author != "" || r.Prover != "" || r.Attrs != "" {
		t.Errorf("read %+v, want a row without author, prover and digest", r)
	}
	if got, ok := appendRow(nil, &r); !ok || string(got) != line {
		t.Errorf("written %s, want %s", got, line)
	}
}

// FuzzScanRow gives it any line: it must know nothing, or what encoding/json knows.
func FuzzScanRow(f *testing.F) {
	for _, r := range rowsOf("text", 7) {
		f.Add(byJSON(f, r))
	}
	for _, line := range []string{
		`{}`, `{"src":{"key":"a","key":"b"}}`, `{"src":{"key":"a"},"src":{"size":1}}`, `{"src":{"parts":[1[2]}}`, `{"src":{"parts":[]}}`,
		`{"SRC":{"Key":"a"}}`, `{"dst":null}`, `{"dst":{"size":1},"dst":{"etag":"e"}}`, `{"tries":01}`, `{"tries":1e3}`, `{"grew":-0}`, `{"at":"2026-01-02T03:04:05+08:00"}`,
		`{"new":1}`, `{"state":"a"}x`, `{"state":"a",}`, `{"warnings":["a","b"],"warnings":["c"]}`, `{"src":{"meta":{"a":"1","a":"2"}}}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var got Row
		ok := scanRow(line, &recurring{}, &got)
		if !ok {
			return
		}
		var want Row
		if err := json.Unmarshal(line, &want); err != nil || !equalRows(got, want) {
			t.Errorf("%s\nread %+v\nwant %+v, %v", line, got, want, err)
		}
	})
}

// equalRows is reflect.DeepEqual that takes equal times for equal wherever they are.
func equalRows(a, b Row) bool {
	for _, r := range []*Row{&a, &b} {
		r.At, r.Src.Modified = r.At.UTC(), r.Src.Modified.UTC()
		if r.Dst != nil {
			d := *r.Dst
			d.Modified = d.Modified.UTC()
			r.Dst = &d
		}
		r.Src.Meta, r.Src.Header = maps.Clone(r.Src.Meta), maps.Clone(r.Src.Header)
	}
	return reflect.DeepEqual(a, b)
}

// copiedRows are n rows of objects that were copied, as most are.
func copiedRows(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		at := time.Unix(1.7e9, int64(i)*1e6).UTC()
		rows[i] = Row{
			Src:   store.Object{Key: fmt.Sprintf("photos/2026/%09d.jpg", i), Size: 8192, Hash: fmt.Sprintf("FlxTN%07dOZJu2P3HTJ1xyx2D", i), Modified: at, Type: "image/jpeg", Class: store.Standard},
			Dst:   &Dst{ETag: fmt.Sprintf("%032X", i*7919), CRC64: fmt.Sprint(uint64(i) * 0x9e3779b97f4a7c15), Size: 8192},
			State: Copied, Proof: ByQetag, At: at,
		}
	}
	return rows
}

// BenchmarkSegment tells what a row costs, compression included.
func BenchmarkSegment(b *testing.B) {
	rows := copiedRows(500)
	data, err := encodeSegment(segmentHead{}, rows)
	if err != nil {
		b.Fatal(err)
	}
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if _, err := encodeSegment(segmentHead{}, rows); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b)
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := decodeSegment(data, "s"); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b)
	})
}
