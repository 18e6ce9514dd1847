package job_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// FuzzDecode reads any bytes as a frozen job: what is taken is written and read as
// the same job, and can be checked and held against another.
func FuzzDecode(f *testing.F) {
	j, err := job.New(src, dst, "")
	if err != nil {
		f.Fatal(err)
	}
	j.Filter.Include, j.Limits.Bandwidth.Timetable = []string{"a/**", "*.jpg"}, []job.Window{{Days: "mon-fri", From: "09:00", To: "18:00", Rate: 1 << 20}}
	data, err := job.Encode(j)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, text := range []string{`{"v":1}`, `{"v":99,"name":[]}`, `{"v":1,"limits":{"outage":"-1h","bandwidth":{"zone":"../etc"}}}`, `{"v":1,"source":"x"}`, "null"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := job.Decode(data)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Newer {
				t.Fatalf("%q: %v, want it Invalid or Newer", data, err)
			}
			return
		}
		_ = j.Validate() // of a job of another version it may say anything, and does not panic
		_ = j.Limits.Bandwidth.At(time.Unix(1_700_000_000, 0))
		first, err := job.Encode(j)
		if err != nil {
			t.Fatalf("%q is read, and cannot be written: %v", data, err)
		}
		again, err := job.Decode(first)
		if err != nil {
			t.Fatalf("%q is read, and %q, which is written for it, is not: %v", data, first, err)
		}
		if second, err := job.Encode(again); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%q is written as\n%s, read, and written as\n%s, %v", data, first, second, err)
		}
		if to, ok := job.TargetOf(data); ok && to.Bucket != j.Target.Bucket {
			t.Errorf("%q writes to %q, and TargetOf says %q", data, j.Target.Bucket, to.Bucket)
		}
	})
}

// FuzzBandwidth reads any timetable: what is taken is told as text that gives it back,
// and has a rate at any time.
func FuzzBandwidth(f *testing.F) {
	for _, text := range []string{"200MiB/s; mon-fri 09:00-18:00 20MiB/s; zone Asia/Shanghai", "22:00-06:00 unlimited;1kB/s", "zone ../../etc/passwd; 1MB/s", "sun,sat 00:00-24:00 1B/s", ";", "fri-mon 0:00-9:9 1"} {
		f.Add(text, int64(1_700_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		b, err := job.ParseBandwidth(text)
		if err != nil {
			wrong(t, err)
			return
		}
		if rate := b.At(time.Unix(at%1e10, 0)); rate < 0 {
			t.Errorf("%q allows %d bytes a second", text, rate)
		}
		if b.Text() == "none" {
			return
		}
		again, err := job.ParseBandwidth(b.Text())
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Errorf("%q is %+v, told as %q, which is %+v, %v", text, b, b.Text(), again, err)
		}
	})
}

// FuzzMeasures reads any text as each measure of a job file.
func FuzzMeasures(f *testing.F) {
	for _, text := range []string{"1", "1.5GiB", "10KiB/s", "2024-01-31", "2024-01-31T09:00:00+08:00", "10%", "0", "-1", "1e400", "NaN", "9223372036854775807B"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := job.ParseSize(text)
		if err == nil && size < 0 {
			t.Errorf("ParseSize(%q) = %d", text, size)
		}
		rate, err := job.ParseRate(text)
		if err == nil && rate < 0 {
			t.Errorf("ParseRate(%q) = %d", text, rate)
		}
		share, err := job.ParseShare(text)
		if err == nil && !(share == job.NoShare || share > 0 && share <= 1) {
			t.Errorf("ParseShare(%q) = %v", text, share)
		}
		deletes, err := job.ParseDeletes(text)
		if err == nil && deletes < 0 && deletes != job.NoDeletes {
			t.Errorf("ParseDeletes(%q) = %d", text, deletes)
		}
		if at, err := job.ParseTime(text); err == nil && at.IsZero() && !strings.HasPrefix(text, "0001") && !strings.HasPrefix(text, "0000") {
			t.Errorf("ParseTime(%q) = %s", text, at)
		}
		var s job.Span
		if s.UnmarshalText([]byte(text)) == nil && s < 0 {
			t.Errorf("a span of %q is %s", text, time.Duration(s))
		}
	})
}
