package life

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
)

// name returns a key as an application would choose it. i is in each, so that no two are equal.
func name(r *rand.Rand, i int) string {
	year, month, day := 2018+r.IntN(6), 1+r.IntN(12), 1+r.IntN(28)
	switch p := r.IntN(100); {
	case p < 35:
		return fmt.Sprintf("photos/%d/%02d/IMG_%06d.jpg", year, month, i)
	case p < 50:
		return fmt.Sprintf("avatars/%02x/%02x/%d.png", r.IntN(256), r.IntN(256), i)
	case p < 60:
		return fmt.Sprintf("logs/%d-%02d-%02d/app-%06d.log", year, month, day, i)
	case p < 70:
		return fmt.Sprintf("%s/%06d.pdf", folders[r.IntN(len(folders))], i)
	case p < 78:
		return fmt.Sprintf("%s/%s %06d%s", folders[r.IntN(len(folders))], words[r.IntN(len(words))], i, []string{".docx", ".txt", ".jpg"}[r.IntN(3)])
	case p < 84:
		return fmt.Sprintf("static/js/chunk.%08x.%d.js", r.Uint32(), i)
	case p < 90:
		return fmt.Sprintf("static/css/theme-%d.css", i)
	case p < 95:
		return fmt.Sprintf("backup/db %d-%02d-%02d (%d).sql", year, month, day, i)
	case p < 98:
		return fmt.Sprintf("uploads/%d%s%s", i, awkward[r.IntN(len(awkward))], words[r.IntN(len(words))])
	}
	return fmt.Sprintf("%08x%d", r.Uint32(), i) // no folder, no ending
}

// folders and words are in many scripts, composed and not, from left to right and back.
var (
	folders = []string{
		"文档/合同", "用户上传/头像", "資料/圖片", "写真/家族", "ドキュメント", "사진/여행", "документы/счета", "έγγραφα",
		"مستندات", "מסמכים", "दस्तावेज़", "เอกสาร", "tài liệu", "Straße/Größe", "cafe\u0301/menus", "🎉/🚢",
	}
	words = []string{
		"产品介绍", "合同（终稿）", "見積書", "파일", "отчёт", "résumé", "re\u0301sume\u0301", "تقرير", "👩\u200d👩\u200d👧", "naïve ünïcode", "draft [v2]", "Q&A",
	}
	// awkward is what stands inside names that escaping, cleaning and templates get wrong.
	awkward = []string{"+", "%", "%20", "%2F", "#", "?", "&", " ", "  ", `"`, "'", "[1]", "<b>", "|", `\`, "^", "`", "{x}", "~", ";", ",", "=", ":", "*", "$", "@", "!", "//", "/./", "/../", "\t", "\u00a0", "\u3000", "\ufeff"}
)

// typeOf returns the MIME type that an upload of such a name would have got.
func typeOf(key string) string {
	switch strings.ToLower(path.Ext(key)) {
	case ".jpg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".log", ".txt":
		return "text/plain; charset=utf-8"
	case ".pdf":
		return "application/pdf"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".js":
		return "application/javascript"
	case ".css":
		return "text/css"
	case ".html":
		return "text/html; charset=utf-8"
	case ".mp4":
		return "video/mp4"
	case ".mov":
		return "video/quicktime"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}
