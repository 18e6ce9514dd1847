package show

import "testing"

func TestLinesAreBrokenAtTheWidth(t *testing.T) {
	s := Style{Width: 21}
	for text, want := range map[string]string{
		"run photos is paused now\nNext: ferry resume photos/x": "run photos is paused\n  now\nNext: ferry resume\n  photos/x",
		"  运行已暂停，工作中的进程停止":                                      "  运行已暂停，工作中\n    的进程停止",
		"    ferry report photos/20260101T000000Z --ledger x":   "    ferry report photos/20260101T000000Z --ledger x",
	} {
		if got := fitted(s, text); got != want {
			t.Errorf("%q is broken to %q, want %q", text, got, want)
		}
	}
	if got := fitted(Style{}, "a b c d e f g h i j k l m n o"); got != "a b c d e f g h i j k l m n o" {
		t.Errorf("where no terminal is, it is %q", got)
	}
}
