package keylist_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"kodoferry/shared/fault"
	"kodoferry/shared/fault/faulttest"
	"kodoferry/shared/job/keylist"
)

func TestAListOfKeysIsRead(t *testing.T) {
	long := strings.Repeat("x", 1023)
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"in byte order, each once": {"b\na\n图\nb\nB\n", []string{"B", "a", "b", "图"}},
		"no line break at the end": {"b\na", []string{"a", "b"}},
		"lines of Windows":         {"\ufeffa\r\nb c\r\n\r\n", []string{"a", "b c"}},
		"spaces belong to keys":    {" a\nb \n\n", []string{" a", "b "}},
		"a quote inside":           {`a"b` + "\n", []string{`a"b`}},
		"keys as JSON":             {`"a\nb"` + "\n" + `"\"q\""` + "\n" + `"\ud83d\ude00\\ud800"` + "\n", []string{`"q"`, "a\nb", "😀\\ud800"}},
		"the longest":              {long + "\n" + `"` + strings.Repeat(`\u0078`, 1023) + `"` + "\n", []string{long}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := keylist.Read(iotest.OneByteReader(strings.NewReader(tc.text)), "keys.txt", "")
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("ReadKeys = %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestEveryBadLineOfAListIsNamed(t *testing.T) {
	_, err := keylist.Read(strings.NewReader(strings.Join([]string{
		"2019/a", "2020/b", "", "2019/\xff", `"2019/c`, `"2019/\ud800"`, `"2019/\ude00\ud83d"`, `"2019/d" `, `"2019/e" x`, "2019/" + strings.Repeat("x", 1019), `""`, strings.Repeat("y", 20_000), "2019/z",
	}, "\r\n")), "keys.txt", "2019/")
	faulttest.Says(t, err, fault.Invalid,
		`keys.txt:2: "2020/b" does not begin with the source's prefix "2019/"`, `keys.txt:4: "2019/\xff" is not UTF-8`, "keys.txt:5: \"\\\"2019/c\" is no JSON string",
		"keys.txt:6: ", "keys.txt:7: ", "keys.txt:9: ", "keys.txt:10: \"2019/xxx", "more than 1,023 bytes", "keys.txt:11: \"\" does not begin with", "keys.txt:12: \"yyy",
	)
	if n := strings.Count(err.Error(), "keys.txt:"); n != 9 {
		t.Errorf("%d lines are named, want 9: %v", n, err)
	}
}

func TestAListWithoutKeysIsRefused(t *testing.T) {
	_, err := keylist.Read(strings.NewReader("\n\r\n"), "keys.txt", "")
	faulttest.Says(t, err, fault.Invalid, "keys.txt: there is no key in it")
}

func TestTwentyMistakesAreEnough(t *testing.T) {
	_, err := keylist.Read(strings.NewReader(strings.Repeat("x\n", 100)), "keys.txt", "y")
	faulttest.Says(t, err, fault.Invalid, "keys.txt:20: \"x\" does not", "keys.txt:21: this line and perhaps more are wrong")
	if n := strings.Count(err.Error(), "keys.txt:"); n != 21 {
		t.Errorf("%d lines are named, want 20 and one that tells of more", n)
	}
}

func TestAListThatBreaksOffIsNoList(t *testing.T) {
	_, err := keylist.Read(io.MultiReader(strings.NewReader("a\nb\nc"), iotest.ErrReader(errors.New("the disk is gone"))), "keys.txt", "")
	if err == nil || !strings.Contains(err.Error(), "keys.txt:3: the disk is gone") {
		t.Errorf("ReadKeys = %v, want the error at line 3", err)
	}
}

func TestEveryKeyComesBackFromAList(t *testing.T) {
	const seed = 13
	r := rand.New(rand.NewPCG(seed, seed))
	var text strings.Builder
	var want []string
	for range 3000 {
		var key []rune
		for range 1 + r.IntN(8) {
			key = append(key, []rune{'a', '"', '\\', '\n', '\r', ' ', '\ufffd', '\ufeff', '图', '😀', 0, 'u'}[r.IntN(12)])
		}
		line, err := json.Marshal(string(key))
		if err != nil {
			t.Fatal(err)
		}
		if k := string(key); !strings.ContainsAny(k, "\r\n") && key[0] != '"' && r.IntN(2) == 0 {
			line = []byte(k)
		}
		want = append(want, string(key))
		_, _ = fmt.Fprintf(&text, "%s\n", line)
	}
	slices.Sort(want)
	got, err := keylist.Read(strings.NewReader("a\n"+text.String()), "keys.txt", "")
	if want = slices.Compact(append([]string{}, want...)); !slices.Contains(want, "a") {
		want = append(want, "a")
		slices.Sort(want)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("seed %d: %d keys came back of %d (%v)", seed, len(got), len(want), err)
	}
}
