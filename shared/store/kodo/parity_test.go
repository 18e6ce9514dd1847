package kodo

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	"github.com/qiniu/go-sdk/v7/storagev2/downloader"
	"github.com/qiniu/go-sdk/v7/storagev2/downloader/destination"
	sdkhttp "github.com/qiniu/go-sdk/v7/storagev2/http_client"
	regions "github.com/qiniu/go-sdk/v7/storagev2/region"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/store"
	"kodoferry/shared/store/wiretest"
)

// TestWeAskAsTheSDKDoes holds every request that is written by hand against the one
// that the vendor's SDK sends: pages of a listing, downloads, ranges, heads.
func TestWeAskAsTheSDKDoes(t *testing.T) {
	quiet()
	t.Setenv("DISABLE_QINIU_TIMESTAMP_SIGNATURE", "true") // the SDK's own switch: no X-Qiniu-Date, which a listing does without as undate says
	const body = "0123456789"
	server := wiretest.Record(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Reqid", "r")
		if r.URL.Path == "/list" && r.URL.Query().Has("bucket") {
			_, _ = w.Write(pageJSON(""))
			return
		}
		w.Header().Set("ETag", `"FhHNuuv8GdpLpXHEvXJDUlJxtVCW"`)
		if r.Method == http.MethodHead { // which names no Accept-Ranges, so that the SDK downloads in one piece
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			return
		}
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), strings.NewReader(body))
	})
	now := time.Unix(1_750_000_000, 0)
	b := opentest.Bucket(t, Open, Config{Bucket: "photos", Endpoint: server.URL, Domain: server.URL, Insecure: true, AccessKey: "ak", SecretKey: "sk", Now: func() time.Time { return now }})
	table := wiretest.NewTable(t,
		wiretest.Difference{Part: "header User-Agent", Ours: wiretest.Any, Theirs: wiretest.Any, Why: "each names itself"},
		wiretest.Difference{Kind: "list", Part: "header Accept-Encoding", Theirs: "gzip", Why: "how much is unpacked is bounded by the driver (store.ReadDocument), and not done by net/http"},
		wiretest.Difference{Kind: "download", Part: "header Accept-Encoding", Ours: "identity", Theirs: "gzip", Why: "bytes are copied as they are stored"},
		wiretest.Difference{Kind: "range", Part: "header Accept-Encoding", Ours: "identity", Why: "a CDN must not pack what is asked for by offsets"},
		wiretest.Difference{Kind: "rest", Part: "header Accept-Encoding", Ours: "identity", Why: "as of a range"},
		wiretest.Difference{Kind: "head", Part: "header Accept-Encoding", Ours: "identity", Why: "the size is that of the bytes that are stored"},
	)
	keys := auth.New("ak", "sk")
	lists := apis.NewStorage(&sdkhttp.Options{Credentials: keys, BasicHTTPClient: server.Client(), Regions: &regions.Region{Rsf: regions.Endpoints{Preferred: []string{server.URL}}}})
	downloads := downloader.NewConcurrentDownloader(&downloader.ConcurrentDownloaderOptions{DownloaderOptions: downloader.DownloaderOptions{Client: server.Client(), RetryMax: 1}})

	for _, key := range wiretest.Keys {
		t.Run(fmt.Sprintf("%.20q", key), func(t *testing.T) {
			marker := base64.URLEncoding.EncodeToString([]byte("marker of " + key))
			ours := server.One(t, http.MethodGet, func() {
				if _, err := b.listPage(t.Context(), store.Query{Prefix: key}, marker); err != nil {
					t.Error(err)
				}
			})
			theirs := server.One(t, http.MethodGet, func() {
				if _, err := lists.GetObjects(t.Context(), &apis.GetObjectsRequest{Bucket: "photos", Marker: marker, Prefix: key, Limit: 1000, NeedParts: true}, nil); err != nil {
					t.Error(err)
				}
			})
			table.Compare(t, "list", ours, theirs)

			signed := storage.MakePrivateURLv2(keys, server.URL, key, now.Add(signedFor).Unix())
			for kind, tc := range map[string]struct {
				method string
				off, n int64
				header http.Header
			}{
				"download": {http.MethodGet, 0, -1, http.Header{}},
				"range":    {http.MethodGet, 2, 3, http.Header{"Range": {"bytes=2-4"}}},
				"rest":     {http.MethodGet, 7, -1, http.Header{"Range": {"bytes=7-"}}},
				"head":     {http.MethodHead, 0, 0, http.Header{}},
			} {
				ours := server.One(t, tc.method, func() {
					_, body, err := b.Open(t.Context(), store.Object{Key: key}, tc.off, tc.n)
					if err != nil {
						t.Error(err)
						return
					}
					_ = body.Close()
				})
				theirs := server.One(t, tc.method, func() {
					u, err := url.Parse(signed)
					if err != nil {
						t.Fatal(err)
					}
					to := destination.NewWriteCloserDestination(closer{&strings.Builder{}}, "")
					options := &downloader.DestinationDownloadOptions{Header: tc.header}
					if _, err := downloads.Download(t.Context(), downloader.NewURLsIter([]*url.URL{u}), to, options); err != nil {
						t.Error(err)
					}
				})
				table.Compare(t, kind, ours, theirs)
			}
		})
	}
}

type closer struct{ *strings.Builder }

func (closer) Close() error { return nil }
