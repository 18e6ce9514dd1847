package life

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"time"
)

// Keys of the objects with a story.
const (
	Archived     = "archive/2018/原始素材.mov"            // archived and not thawed: cannot be read now
	Thawed       = "archive/2018/剪辑母带.mov"            // archived and thawed: can be read for a while
	Disabled     = "blocked/被禁用的图片.jpg"               // its owner forbade reading it
	Hashless     = "legacy/imported-without-hash.bin" // the listing tells no hash and no md5
	HashlessMD5  = "legacy/imported-with-md5.bin"     // the listing tells no hash, but an md5
	LeadingSlash = "/leading/slash.txt"               // OSS holds no key that begins with a slash
	HugeMeta     = "meta/over-8-kb.txt"               // its metadata is over what OSS keeps
	AwkwardMeta  = "meta/awkward names and values"    // metadata whose names and values no header takes as they are
	Headers      = "meta/every-header.html"           // every standard header that is kept with an object
	Gzipped      = "static/js/bundle.js"              // stored gzipped, and says so: must arrive as it is stored
	Empty        = "empty/nothing.txt"                // 0 bytes
	Folder       = "empty/folder/"                    // 0 bytes, as consoles make folders
	Long         = "deep/"                            // what the key of 700 bytes begins with
	Giant        = "videos/2021 发布会 (原片).mp4"         // 64 MiB; only in buckets of 100 objects and more
)

// specials returns the objects with a story, those that small buckets want most first.
func specials(seed uint64) []Item {
	zipped := gzipped(seed)
	return []Item{
		{Key: Archived, Size: 48 * kib, Class: 2, Frozen: true, MD5: true},
		{Key: Disabled, Size: 20 * kib, Disabled: true, MD5: true},
		{Key: LeadingSlash, Size: 300, MD5: true},
		{Key: HugeMeta, Size: 2 * kib, Meta: hugeMeta()},
		{Key: AwkwardMeta, Size: 2 * kib, Meta: awkwardMeta()},
		{Key: Thawed, Size: 40 * kib, Class: 2},
		{Key: Hashless, Size: 30 * kib, NoHash: true},
		{Key: HashlessMD5, Size: 31 * kib, NoHash: true, MD5: true},
		{Key: Gzipped, Size: int64(len(zipped)), Meta: map[string]string{"!Content-Encoding": "gzip", "!Cache-Control": "public, max-age=31536000, immutable"}, content: bytes.NewReader(zipped)},
		{Key: Headers, Size: 9 * kib, Meta: headers()},
		{Key: Empty, MD5: true},
		{Key: Folder, Type: "application/x-directory"},
		{Key: longKey(), Size: 700},
	}
}

// oddities returns the objects whose names are the story.
func oddities() (items []Item) {
	for i, key := range keys {
		items = append(items, Item{Key: key, Size: int64(i*397) % (8 * kib), MD5: i%2 == 0})
	}
	return items
}

// keys are names that something on the way is likely to change, or to take for
// something else.
var keys = []string{
	"a//b", "a/b", "a///b", "a/./b", "a/../b", "a/..", "..", "../up", ".", "./here", ".hidden", "a/",
	"space in the middle", " leading space", "trailing space ", "plus+plus", "plus plus", "100%", "%2F", "%252F", "%zz", "a%00b",
	"#fragment", "what?", "q?x=1&y=2", "amp&amp;", "<tag>", "]]>", "[brackets]", `"quoted"`, "it's", `back\slash`, "pipe|", "semi;colon",
	"colon:colon", "comma,", "*", "$(id)", "`id`", "{}", "~", "=equals", "@at", "!bang",
	"tab\there", "newline\nhere", "carriage\rreturn", "bell\a", "escape\x1b[31m", "del\x7f",
	"nfc/\u00e9", "nfd/e\u0301", "zero\u200bwidth", "rtl/\u202egpj.exe", "bom/\ufeffx", "last/\U0010ffff", "\U0001f600", "emoji/🏳️\u200d🌈.png", "CASE", "case",
}

func longKey() string {
	const n = 700
	key := Long + strings.Repeat("很深的目录/", 60)
	return key[:strings.LastIndexByte(key[:n-20], '/')+1] + strings.Repeat("x", n-1-strings.LastIndexByte(key[:n-20], '/'))
}

// giants returns the big objects, of both versions of the hash, and some whose
// sizes lie at the edges of Kodo's 4 MiB blocks.
func giants(seed uint64) []Item {
	r := dice(seed, -2000)
	items := []Item{
		{Key: Giant, Size: 64 * mib},
		{Key: "edges/one-block.bin", Size: 4 * mib},
		{Key: "edges/one-block-and-a-byte.bin", Size: 4*mib + 1},
		{Key: "edges/a-byte-less.bin", Size: 4*mib - 1},
	}
	for i := range 6 {
		it := Item{Key: fmt.Sprintf("videos/%d/clip-%02d.mp4", 2019+i/2, i), Size: 5*mib + r.Int64N(15*mib)}
		if i%2 == 0 {
			it.Parts = split(it.Size, []int64{mib, 5 * mib, 3*mib + 1}[i/2])
		}
		items = append(items, it)
	}
	return items
}

// gzipped returns a script as a build step would have uploaded it.
func gzipped(seed uint64) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for i := range 500 {
		fmt.Fprintf(w, "export const c%d = %d;\n", i, dice(seed, i).Uint32()) // a bytes.Buffer takes everything
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return b.Bytes()
}

// hugeMeta is metadata of more than 8 KB, of which most would fit.
func hugeMeta() map[string]string {
	return map[string]string{"exif": strings.Repeat("0123456789abcdef", 560), "title": "a picture with everything in it", "author": "someone"}
}

// awkwardMeta has what HTTP headers do not take as it is.
func awkwardMeta() map[string]string {
	return map[string]string{
		"snake_case": "1", "kebab-case": "2", "dotted.name": "3", "CamelCase": "4", "ferry-hash": "not Ferry's own",
		"chinese": "中文值", "emoji": "🚢", "spaces": "  at both ends  ", "lines": "one\ntwo", "empty": "", "percent": "100%25", "quoted": `"a", b`,
	}
}

// headers are the standard headers that Kodo keeps among the metadata.
func headers() map[string]string {
	return map[string]string{
		"!Cache-Control":       "no-cache, must-revalidate",
		"!Content-Disposition": `inline; filename="report.html"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.html`,
		"!Content-Language":    "zh-CN, en",
		"!Expires":             epoch.Add(10 * 365 * 24 * time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT"),
		"!X-Robots-Tag":        "noindex",
		"author":               "editor",
	}
}
