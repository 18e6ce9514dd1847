package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"kodoferry/shared/console/language"
	"kodoferry/shared/console/words"
	"kodoferry/shared/report"
)

//go:embed pages static
var files embed.FS

// view is what a page shows.
type view struct {
	Page     string // the template of its middle
	Title    string
	Section  string // the entry of the navigation that it belongs to: runs, jobs, addresses, changes
	Data     any
	Commands []command // that do the same

	q *request
}

// pages are the templates, by language and page.
type pages struct {
	all map[string]map[string]*template.Template
}

func loadPages(static *assets) (*pages, error) {
	p := &pages{all: map[string]map[string]*template.Template{}}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	for _, lang := range language.All {
		base, err := template.New("").Funcs(functions(lang, static)).ParseFS(files, "pages/base.html", "pages/parts.html")
		if err != nil {
			return nil, err
		}
		p.all[lang.Tag] = map[string]*template.Template{}
		for _, file := range names {
			name := strings.TrimSuffix(path.Base(file), ".html")
			if name == "base" || name == "parts" {
				continue
			}
			one, err := base.Clone()
			if err == nil {
				_, err = one.ParseFS(files, file)
			}
			if err != nil {
				return nil, err
			}
			p.all[lang.Tag][name] = one
		}
	}
	return p, nil
}

// functions are what templates call, in a language.
func functions(lang *language.Language, static *assets) template.FuncMap {
	w := words.Words{Lang: lang}
	return template.FuncMap{
		"t": lang.Say, "tell": lang.Tell, "has": lang.Has, "word": lang.Or, "shown": shown, "count": w.Count, "span": w.Span, "says": w.Sentence,
		"num": func(n any) string {
			switch n := n.(type) {
			case int:
				return words.Number(n)
			case int64:
				return words.Number(n)
			}
			return fmt.Sprint(n)
		},
		"size": words.Size, "rate": words.Rate, "percent": words.Percent, "part": words.Part, "pieces": report.Pieces,
		"width":  func(share float64) string { return fmt.Sprintf("%.2f%%", share*100) },
		"time":   words.Instant,
		"rfc":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"static": static.path, "quoted": encoded, "query": url.QueryEscape,
		"dict": dict, "place": place, "i64": func(n int) int64 { return int64(n) }, "bytesof": func(v float64) int64 { return int64(v) },
		"timeof":  func(run string) string { return run[strings.LastIndexByte(run, '/')+1:] },
		"langs":   func() []*language.Language { return language.All },
		"seconds": func(f float64) time.Duration { return time.Duration(f * float64(time.Second)) },
	}
}

// dict makes names and values a map, for a template that takes several.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// place is a location without its parameters.
func place(location string) string {
	at, _, _ := strings.Cut(location, "?")
	return at
}

// Lang, and what follows, are what base.html asks of a view.
func (v view) Lang() *language.Language { return v.q.lang }

// Theme is light, dark, or "" for what the system has.
func (v view) Theme() string { return v.q.theme() }

// SignedIn reports whether there is a session.
func (v view) SignedIn() bool { return v.q.in }

// Sections are the entries of the navigation.
func (v view) Sections() []string { return []string{"runs", "jobs", "addresses", "changes"} }

// Who is the name of the person.
func (v view) Who() string { who, _ := v.q.who(); return who }

// Seal is what every form carries.
func (v view) Seal() string { return v.q.console.o.Door.Seal(v.q.session) }

// Changes reports whether the console may change anything.
func (v view) Changes() bool { return v.q.console.o.Changes }

// Back is the path of the page, for forms that lead back to it.
func (v view) Back() string {
	if v.q.Method != http.MethodGet {
		return "/runs"
	}
	return back(v.q.URL.RequestURI())
}

// Ledger is where what is shown is kept.
func (v view) Ledger() string { return v.q.console.o.Ledger.Place() }

// template returns the template of a page in the request's language.
func (q *request) template(name string) *template.Template {
	return q.console.pages.all[q.lang.Tag][name]
}

// show answers with a page.
func (q *request) show(status int, v view) error {
	v.q = q
	var b bytes.Buffer
	if err := q.template(v.Page).ExecuteTemplate(&b, "base", v); err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.Header().Set("Content-Language", q.lang.HTML)
	return q.send(status, b.Bytes())
}

// wantsJSON reports whether a script asks.
func (q *request) wantsJSON() bool {
	return strings.Contains(q.Header.Get("Accept"), "application/json")
}

func (q *request) json(status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "application/json")
	return q.send(status, data)
}

// least is from how many bytes on an answer is packed.
const least = 1400

// send answers with data, packed where the browser takes that and the process sends bytes
// as they are.
func (q *request) send(status int, data []byte) error {
	q.wrote = true
	h := q.w.Header()
	h.Set("Vary", "Accept-Encoding, Accept-Language, Cookie")
	if q.console.o.Stays && len(data) >= least && strings.Contains(q.Header.Get("Accept-Encoding"), "gzip") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, werr := z.Write(data)
		if cerr := z.Close(); werr == nil && cerr == nil {
			h.Set("Content-Encoding", "gzip")
			data = b.Bytes()
		}
	}
	q.w.WriteHeader(status)
	_, err := q.w.Write(data)
	return err
}

// assets are the files that a browser loads beside the pages. Each has its hash in its
// path, so that it is asked for once.
type assets struct {
	data map[string][]byte
	hash map[string]string
}

func loadAssets() *assets {
	a := &assets{data: map[string][]byte{}, hash: map[string]string{}}
	entries, _ := fs.ReadDir(files, "static") // it is embedded
	for _, e := range entries {
		data, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			continue
		}
		sum := sha256.Sum256(data)
		a.data[e.Name()], a.hash[e.Name()] = data, hex.EncodeToString(sum[:6])
	}
	return a
}

// path is where a browser finds the file of that name.
func (a *assets) path(name string) string { return "/static/" + a.hash[name] + "/" + name }

// types are the content types of assets, by their ends.
var types = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	kind := types[path.Ext(name)]
	if a.data[name] == nil || kind == "" || a.hash[name] != r.PathValue("hash") {
		http.Error(w, "there is no such file: load the page again", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(a.data[name]) // the browser asks again
}
