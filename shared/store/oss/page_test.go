package oss

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

// pageXML writes a page as OSS does.
func pageXML(truncated bool, token string, contents ...string) []byte {
	var b strings.Builder
	b.WriteString(xmlDeclaration + "\n<ListBucketResult>\n  <Name>bucket</Name>\n  <Prefix></Prefix>\n  <MaxKeys>1000</MaxKeys>\n  <Delimiter></Delimiter>\n  <EncodingType>url</EncodingType>\n")
	fmt.Fprintf(&b, "  <IsTruncated>%v</IsTruncated>\n", truncated)
	if token != "" {
		fmt.Fprintf(&b, "  <NextContinuationToken>%s</NextContinuationToken>\n", url.QueryEscape(token))
	}
	for _, c := range contents {
		b.WriteString(c)
	}
	fmt.Fprintf(&b, "  <KeyCount>%d</KeyCount>\n</ListBucketResult>", len(contents))
	return []byte(b.String())
}

func contentXML(key string) string {
	return "  <Contents>\n    <Key>" + url.QueryEscape(key) + "</Key>\n    <LastModified>2020-05-18T05:45:54.000Z</LastModified>\n" +
		"    <ETag>\"5B3C1A2E053D763E1B002CC607C5A0FE\"</ETag>\n    <Type>Normal</Type>\n    <Size>344606</Size>\n    <StorageClass>Standard</StorageClass>\n  </Contents>\n"
}

func TestPageIsDecoded(t *testing.T) {
	archived := "<Contents><Key>z%2F%2B+%E4%B8%AD</Key><TransitionTime>2021-01-01T00:00:00.000Z</TransitionTime><LastModified>2020-02-29T23:59:59.123Z</LastModified>" +
		"<ETag>&quot;5B3C1A2E053D763E1B002CC607C5A0FE-2&quot;</ETag><Type>Multipart</Type><Size>0</Size><StorageClass>Archive</StorageClass>" +
		"<Owner><ID>1</ID><DisplayName>me</DisplayName></Owner><RestoreInfo>ongoing-request=\"true\"</RestoreInfo></Contents>"
	data := pageXML(true, "a+b/c=", contentXML("a b"), archived)
	want := &page{truncated: true, token: "a+b/c=", objects: []store.Object{
		{Key: "a b", Size: 344606, Hash: "5B3C1A2E053D763E1B002CC607C5A0FE", MD5: "5b3c1a2e053d763e1b002cc607c5a0fe",
			Modified: time.Date(2020, 5, 18, 5, 45, 54, 0, time.UTC), Class: store.Standard},
		{Key: "z/+ 中", Hash: "5B3C1A2E053D763E1B002CC607C5A0FE-2", Modified: time.Date(2020, 2, 29, 23, 59, 59, 123e6, time.UTC), Class: store.Archive, Frozen: true},
	}}
	storetest.Parses(t, data, want, map[string]func([]byte) (*page, error){
		"scanned": func(b []byte) (*page, error) {
			p, err, ok := scanPage(b)
			if !ok {
				t.Error("scanPage does not know the shape, want it to")
			}
			return p, err
		},
		"by encoding/xml": decodePage,
	})
}

func commonXML(prefix string) string {
	return "  <CommonPrefixes>\n    <Prefix>" + url.QueryEscape(prefix) + "</Prefix>\n  </CommonPrefixes>\n"
}

// TestALevelIsReadOfItsKeysAndOfWhatOthersHaveInCommon, which OSS lists each for itself.
func TestALevelIsReadOfItsKeysAndOfWhatOthersHaveInCommon(t *testing.T) {
	level := func(prefix string, contents ...string) ([]string, error) {
		p, err := parsePage(pageXML(false, "", contents...))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok := scanPage(pageXML(false, "", contents...)); !ok {
			t.Error("scanPage does not know the shape, want it to")
		}
		err = p.level(prefix, "/")
		var keys []string
		for _, o := range p.objects {
			keys = append(keys, o.Key)
		}
		return keys, err
	}
	both := "<CommonPrefixes><Prefix>d%2Fx%2F</Prefix><Prefix>d%2Fy%2F</Prefix></CommonPrefixes>"
	got, err := level("d/", contentXML("d/"), contentXML("d/b"), contentXML("d/z"), commonXML("d/a b/"), commonXML("d/中/"), both, "<CommonPrefixes></CommonPrefixes>")
	if want := []string{"d/", "d/a b/", "d/b", "d/x/", "d/y/", "d/z", "d/中/"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the level is %q, %v, want %q", got, err, want)
	}
	for name, wrong := range map[string]string{
		"a key below a folder":          contentXML("d/a/x"),
		"a key of elsewhere":            contentXML("e"),
		"a folder below a folder":       commonXML("d/a/b/"),
		"a folder of elsewhere":         commonXML("e/"),
		"a folder that is none":         commonXML("d/a"),
		"a folder without a name":       commonXML(""),
		"a folder whose escape is none": "<CommonPrefixes><Prefix>d%zz%2F</Prefix></CommonPrefixes>",
	} {
		if got, err := level("d/", contentXML("d/b"), wrong); err == nil {
			t.Errorf("%s: the level is read as %q, want an error", name, got)
		}
	}
}

func TestPageThatIsUnusualFallsBack(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to string
		ok       bool
	}{
		"a comment":            {"<Contents>", "<!-- c --><Contents>", true},
		"a character entity":   {"<Type>Normal", "<Type>N&#111;rmal", true},
		"CDATA":                {"<Type>Normal", "<Type><![CDATA[Normal]]>", true},
		"a namespace":          {"<ListBucketResult>", `<ListBucketResult xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com">`, true},
		"text beyond ASCII":    {"<Name>bucket", "<Name>中", true},
		"an attribute":         {"<Type>", `<Type a="b">`, true},
		"no closing tag":       {"</ListBucketResult>", "", false},
		"another document":     {"ListBucketResult", "Other", false},
		"a size that is none":  {"344606", "many", false},
		"a size below 0":       {"344606", "-1", false},
		"no size":              {"<Size>344606</Size>", "", false},
		"a time that is none":  {"2020-05-18", "2020-15-18", true},
		"no IsTruncated":       {"<IsTruncated>true</IsTruncated>", "", false},
		"more, but no token":   {"<NextContinuationToken>t</NextContinuationToken>", "", false},
		"a bad escape":         {"<Key>k", "<Key>%zz", false},
		"an empty key":         {"<Key>k</Key>", "<Key></Key>", false},
		"a cut-off escape":     {"<Key>k", "<Key>%", false},
		"an entity of HTML":    {"<Key>k", "<Key>&nbsp;", false},
		"a control character":  {"<Key>k", "<Key>\x01", false},
		"a day February lacks": {"2020-05-18", "2021-02-29", true},
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(strings.ReplaceAll(string(pageXML(true, "t", contentXML("k"))), tc.from, tc.to))
			p, err := parsePage(data)
			if tc.ok != (err == nil) {
				t.Fatalf("got %+v, %v, want it taken: %v", p, err, tc.ok)
			}
			if tc.ok && (len(p.objects) != 1 || p.objects[0].MD5 == "") {
				t.Errorf("got %+v, want one object", p)
			}
		})
	}
}

func FuzzScanAgreesWithXML(f *testing.F) {
	f.Add(pageXML(true, "t", contentXML("a b/中"), contentXML("b&<>")))
	f.Add(pageXML(false, ""))
	f.Add(pageXML(true, "t", contentXML("a"), commonXML("b/"), commonXML("c&/")))
	f.Add([]byte(`<ListBucketResult xmlns="u"><IsTruncated>false</IsTruncated><Contents><Key>a&amp;</Key><Size>1</Size><LastModified>2020-02-29T23:59:59.123Z</LastModified><Owner><ID/></Owner></Contents></ListBucketResult>`))
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

// agree holds scanPage to encoding/xml wherever it has an answer.
func agree(t *testing.T, data []byte) (scanned bool) {
	t.Helper()
	got, err, ok := scanPage(data)
	if !ok {
		return false
	}
	want, wantErr := decodePage(data)
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("scanned %+v, %v\nwant    %+v, %v\nof %q", got, err, want, wantErr, data)
	}
	return true
}

func TestScanAgreesWithXMLOnDamagedPages(t *testing.T) {
	const seed = 7
	whole := pageXML(true, "t+/=", contentXML("a b/中"), contentXML("b&<>"), contentXML("c\x01"), commonXML("d/"))
	bits := []string{"<", ">", "/", "&", "&amp;", "]]>", "\r", "\n", "<Key>", "</Key>", "</Contents>", "<Contents>", "<CommonPrefixes>", "</CommonPrefixes>", "<Prefix>", "<X/>", "<X></X>", " ", "%", "+", "中", "0", "<IsTruncated>true</IsTruncated>"}
	storetest.AgreeOnDamaged(t, seed, 10_000, 100, whole, bits, agree)
}

func TestUnqueryIsQueryUnescape(t *testing.T) {
	const seed = 9
	rnd := rand.New(rand.NewPCG(seed, 3))
	for range 20_000 {
		b := make([]byte, rnd.IntN(8))
		for i := range b {
			b[i] = "%+aF09 z\xff"[rnd.IntN(9)]
		}
		got, err := unquery(b)
		want, wantErr := url.QueryUnescape(string(b))
		if (err == nil) != (wantErr == nil) || got != want {
			t.Fatalf("seed %d: unquery(%q): got %q, %v, want %q, %v", seed, b, got, err, want, wantErr)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	contents := make([]string, 1000)
	for i := range contents {
		contents[i] = contentXML(fmt.Sprintf("photos/2024/06/%06d 图片.jpg", i))
	}
	data := pageXML(true, "token", contents...)
	for name, parse := range map[string]func([]byte) (*page, error){"scan": parsePage, "encoding-xml": decodePage} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parse(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
		})
	}
}
