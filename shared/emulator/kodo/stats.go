package kodo

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// figures are the ends of the names of a type's statistics (Kodo, "statistics").
var figures = map[string]int{"": 0, "_line": 1, "_archive": 2, "_deep_archive": 3, "_archive_ir": 4, "_intelligent_tiering": 5}

// beijing is the time zone of the service's days and of the times it is asked for.
var beijing = time.FixedZone("UTC+8", 8*3600)

// statistic answers /v6/space<type> and /v6/count<type>: the figure of each
// day that has begun. The service's are some minutes late, and it knows every
// day's; here all are those of now.
func (s *Server) statistic(r *http.Request, q url.Values) (any, *refusal) {
	const form = "20060102150405"
	name := strings.TrimPrefix(r.URL.Path, "/v6/")
	bytes := strings.HasPrefix(name, "space")
	kind, known := figures[name[len("space"):]] // as long as "count"
	begin, berr := time.ParseInLocation(form, q.Get("begin"), beijing)
	end, eerr := time.ParseInLocation(form, q.Get("end"), beijing)
	switch {
	case !known:
		return nil, errAPI
	case r.Method != http.MethodGet:
		return nil, errMethod
	case berr != nil || eerr != nil || !begin.Before(end), q.Get("g") != "day" && q.Get("g") != "hour" && q.Get("g") != "5min":
		return nil, errArgument
	}
	step := map[string]time.Duration{"day": 24 * time.Hour, "hour": time.Hour, "5min": 5 * time.Minute}[q.Get("g")]
	value := int64(0)
	region := q.Get("region")
	for _, b := range s.sorted() {
		if (q.Get("bucket") == "" || q.Get("bucket") == b.name) && (region == "" || region == s.cfg.Region) {
			objects, size := b.usage(kind)
			if value += objects; bytes {
				value += size - objects
			}
		}
	}
	times, datas := []int64{}, []int64{}
	for at := begin; at.Before(end); at = at.Add(step) {
		times, datas = append(times, at.Unix()), append(datas, value)
	}
	return map[string]any{"times": times, "datas": datas}, nil
}

// usage adds up the objects of a type and their bytes.
func (b *bucket) usage(kind int) (objects, size int64) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.base != nil && kind == 0 {
		objects, size = b.base.Count, b.base.bytes()
	}
	for _, chunk := range b.rows.chunks {
		for _, r := range chunk {
			if b.base != nil && kind == 0 {
				if i, ok := b.base.index(r.key); ok {
					objects, size = objects-1, size-b.base.sizeOf(i)
				}
			}
			if r.rec != nil && r.rec.kind == kind {
				objects, size = objects+1, size+r.rec.size
			}
		}
	}
	return objects, size
}

// exactly is up to how many derived objects are added up one by one.
const exactly = 2_000_000

// bytes is the size of all derived objects; of very many the expected one.
func (d *derived) bytes() (sum int64) {
	if d.Count <= exactly {
		for i := range d.Count {
			sum += d.sizeOf(i)
		}
		return sum
	}
	for i := range d.templates {
		sum += d.templates[i].content.size
	}
	return int64(float64(sum) / float64(len(d.templates)) * float64(d.Count))
}

// sizeOf is the size of the i-th object, without making its content.
func (d *derived) sizeOf(i int64) int64 {
	return d.templates[d.scatter(i)>>32%uint64(len(d.templates))].content.size
}
