package language

import (
	"strings"
	"testing"
	"time"
)

func TestASentenceIsToldWithWhatStandsInIt(t *testing.T) {
	zh := By("zh")
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                           {"", ""},
		"words of nobody's":                 {"no such thing: sorry", "no such thing: sorry"},
		"a sentence":                        {"the source does not have it", "源端没有它"},
		"a sentence with values":            {`limits.fanout is 99: write a number from 1 to 64, or leave it out`, "limits.fanout 为 99：写 1 到 64 的数，或去掉"},
		"a key that looks like a sentence":  {`the keys may not write "a: b; (\"c\"), 键": grant them oss:PutObject below that prefix (status 403 AccessDenied)`, `密钥无权写入 "a: b; (\"c\"), 键"：授予该前缀下的 oss:PutObject（状态码 403 AccessDenied）`},
		"a service's own words":             {"bucket \"b\" does not exist: status 404 NoSuchBucket: The specified bucket does not exist. (request 6A)", `存储空间 "b" 不存在：状态码 404 NoSuchBucket: The specified bucket does not exist. (request 6A)`},
		"an error of its kind":              {`kodo.Open "k": temporary: unexpected EOF`, `从 Kodo 读取 "k"：临时故障：数据提前结束`},
		"its cause, of which values differ": {"s3.Open: denied: it is archived (…) and not restored", "从 S3 读取：被拒绝：它已归档（…）且未解冻"},
		"a cause without its cure":          {"It is disabled at the source", "它在源端被禁用"},
		"a cure without its cause":          {"Enable it to have it copied", "启用后才会复制"},
		"a field before it":                 {"source: the bucket is missing: write it after ://, as in kodo://photos/2019/?region=z0", "源端：缺少存储空间：写在 :// 之后，如 kodo://photos/2019/?region=z0"},
		"a place before it":                 {"ferry.yaml:7: class is \"x\": write one of keep, standard", "ferry.yaml:7：class 为 \"x\"：写 keep, standard 之一"},
		"names in a list":                   {"source: Ferry reads from Kodo, S3 and directories alone: write a location such as kodo://a or s3://b", "source：Ferry 只从 Kodo、S3 和目录读取：写一个位置，如 kodo://a 或 s3://b"},
		"a hint":                            {`unknown service "kod" (did you mean kodo?): write kodo://… or s3://…`, `未知服务 "kod"（您是要写 kodo 吗？）：写 kodo://… 或 s3://…`},
		"a side":                            {`the target's prefix "a" does not end with a slash, so "x/a.jpg" becomes "aa.jpg": write "a/" if it is a directory`, `目标端的前缀 "a" 没有以斜杠结尾，"x/a.jpg" 因此变成 "aa.jpg"：若它是目录，写 "a/"`},
		"a name that is a word, too":        {"run target/1 has no object \"failed\": it was gone when its turn came, by an earlier delivery of the task or by someone else", "运行 target/1 没有对象 \"failed\"：轮到它时它已不在，可能是子任务先前的投递或其他人所为"},
		"a job of such a name":              {"the job source does not mirror deletions any more", "任务 source 已不再镜像删除"},
		"a flag in a field's place":         {"--max-deletes is -3: write a number from 0, or leave it out", "--max-deletes 为 -3：写 0 以上的数，或去掉"},
		"a hint behind a name":              {"ferry copy has no flag --colour (did you mean --color?): see ferry copy --help", "ferry copy 没有选项 --colour（您是要写 --color 吗？）：见 ferry copy --help"},
		"several in a line":                 {"the listing did not show it: it was not in the source then; run again when it rests", "列举没有显示它：当时源端没有它；待其稳定后再次运行"},
		"several lines":                     {"the prefix is not UTF-8: write its bytes percent-encoded in UTF-8\nnobody's words\ndomain is for kodo:// only: use endpoint here", "前缀不是 UTF-8：把字节按 UTF-8 百分号编码书写\nnobody's words\ndomain 只用于 kodo://：这里用 endpoint"},
		"what came in brackets":             {"check region=, endpoint=, network, firewall and proxy (dial tcp: refused)", "检查 region=、endpoint=、网络、防火墙与代理（dial tcp: refused）"},
		"one in another":                    {"run a/1 has no object \"b\": the run covers keys that begin with \"c/\"", "运行 a/1 没有对象 \"b\"：该运行只包含以 \"c/\" 开头的键"},
	} {
		if got := zh.Tell(tc.text); got != tc.want {
			t.Errorf("%s: %q is told as\n\t%q, want\n\t%q", name, tc.text, got, tc.want)
		}
		if got := All[0].Tell(tc.text); got != tc.text {
			t.Errorf("%s: %q is told in English as %q", name, tc.text, got)
		}
	}
}

// TestNobodysTextTakesLong, whoever wrote it and to whatever end.
func TestNobodysTextTakesLong(t *testing.T) {
	for _, part := range []string{"a, ", "a: ", "a; ", "a (", "it is archived (", "run x is over: ", `"`, "%s", "the source ", " or "} {
		began := time.Now()
		By("zh").Tell(strings.Repeat(part, 2000/len(part)) + ")")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%q, repeated, takes %s", part, took)
		}
	}
}
