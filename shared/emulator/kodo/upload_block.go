package kodo

import (
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/digest"
)

// block is one of an upload by blocks (version 1), under its newest ctx.
type block struct {
	size    int64 // when complete
	data    segments
	have    int64
	expires time.Time
}

// putBlock answers /mkblk/<block size>, whose body is the first chunk of a
// block, and /bput/<ctx>/<offset>, whose body is the next.
func (s *Server) putBlock(w http.ResponseWriter, r *http.Request, seg []string) {
	_, data, no := s.taken(r)
	var ctx string
	var b *block
	if no == nil {
		ctx, b, no = s.addChunk(seg, data)
	}
	if no != nil {
		writeRefusal(w, no)
		return
	}
	body, err := json.Marshal(map[string]any{
		"ctx": ctx, "checksum": digest.QetagOf(data), "crc32": crc32.ChecksumIEEE(data), "offset": b.have,
		"host": s.Endpoint(), "expired_at": b.expires.Unix(),
	})
	if err != nil {
		writeRefusal(w, &refusal{599, err.Error()})
		return
	}
	writeBody(w, http.StatusOK, body)
}

func (s *Server) addChunk(seg []string, data []byte) (string, *block, *refusal) {
	u := &s.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	now := s.cfg.Now()
	u.sweep(now)
	var next block
	switch {
	case seg[0] == "mkblk" && len(seg) == 2:
		size, err := strconv.ParseInt(seg[1], 10, 64)
		if err != nil || size <= 0 || size > digest.BlockSize {
			return "", nil, errArgument
		}
		next = block{size: size}
	case seg[0] == "bput" && len(seg) == 3:
		old := u.blocks[seg[1]]
		offset, err := strconv.ParseInt(seg[2], 10, 64)
		switch {
		case err != nil:
			return "", nil, errArgument
		case old == nil || now.After(old.expires) || old.have != offset:
			return "", nil, errContext
		}
		// The old ctx stays good, so that a chunk whose answer was lost can be sent again.
		next = block{size: old.size, data: old.data[:len(old.data):len(old.data)], have: old.have}
	default:
		return "", nil, errArgument
	}
	if len(data) == 0 || next.have+int64(len(data)) > next.size {
		return "", nil, errArgument
	}
	next.data, next.have, next.expires = append(next.data, data), next.have+int64(len(data)), now.Add(lifetime)
	ctx := u.name()
	u.blocks[ctx] = &next
	return ctx, &next, nil
}

// makeFile answers /mkfile/<size>/key/<k>/…, whose body lists the last ctx of
// each block.
func (s *Server) makeFile(w http.ResponseWriter, r *http.Request, seg []string) {
	p, list, no := s.taken(r)
	var a arrival
	if no == nil && len(seg) == 0 {
		no = errArgument
	}
	if no == nil {
		a, _, no = pathArrival(seg[1:])
	}
	if no == nil {
		no = s.gather(&a, seg[0], string(list))
	}
	if no != nil {
		writeRefusal(w, no)
		return
	}
	a.event = "mkfile"
	s.arrive(r.Context(), w, p, a)
}

// gather puts the blocks of list together: all complete, all but the last of
// 4 MiB, size bytes in all.
func (s *Server) gather(a *arrival, size, list string) *refusal {
	u := &s.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(s.cfg.Now())
	ctxs := strings.Split(list, ",")
	if list == "" {
		ctxs = nil
	}
	for i, ctx := range ctxs {
		b := u.blocks[ctx]
		switch {
		case b == nil || s.cfg.Now().After(b.expires):
			return errContext
		case b.have != b.size, i < len(ctxs)-1 && b.size != digest.BlockSize:
			return errArgument
		}
		for _, p := range b.data {
			a.add(p)
		}
	}
	if size != strconv.FormatInt(a.size, 10) {
		return &refusal{http.StatusBadRequest, "file size not match"}
	}
	return nil
}
