package kodo

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
)

// form is an upload in one request, as it was sent.
type form struct {
	arrival
	policy policy
	no     *refusal
}

// formCall reads an upload by form, whose key only its body tells.
func (s *Server) formCall(r *http.Request) call {
	f := s.readForm(r)
	c := call{op: "upload", bucket: f.policy.bucket, work: func(w http.ResponseWriter, r *http.Request) {
		body, no := []byte(nil), f.no
		if no == nil {
			body, no = s.store(r.Context(), f.policy, f.arrival)
		}
		switch {
		case f.policy.ReturnURL != "":
			redirect(w, f.policy, body, no)
		case no != nil:
			writeRefusal(w, no)
		default:
			writeBody(w, http.StatusOK, body)
		}
	}}
	if f.key != nil {
		c.key = *f.key
	}
	return c
}

// readForm reads the fields of a form. Those that are not known, and are no
// metadata or variables, are ignored.
func (s *Server) readForm(r *http.Request) (f form) {
	reader, err := r.MultipartReader()
	if err != nil {
		f.no = &refusal{http.StatusBadRequest, "request Content-Type isn't multipart/form-data"}
		return f
	}
	var token, sum string
	var file []byte
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		var value []byte
		if err == nil {
			value, err = io.ReadAll(io.LimitReader(part, maxUpload+1))
		}
		if err != nil {
			f.no = &refusal{http.StatusBadRequest, "parse multipart: " + err.Error()}
			return f
		}
		switch name := part.FormName(); name {
		case "token":
			token = string(value)
		case "key":
			key := string(value)
			f.key = &key
		case "crc32":
			sum = string(value)
		case "file":
			file = value
			f.mime, f.fname = part.Header.Get("Content-Type"), part.FileName()
		default:
			f.option(name, string(value))
		}
	}
	f.finish(s, token, sum, file)
	return f
}

// finish verifies what was read.
func (f *form) finish(s *Server, token, sum string, file []byte) {
	switch {
	case token == "":
		f.no = &refusal{http.StatusUnauthorized, "token not specified"}
	case file == nil:
		f.no = &refusal{http.StatusBadRequest, "file is not specified in multipart"}
	case len(file) > maxUpload:
		f.no = errTooLarge
	default:
		f.policy, f.no = s.uploadToken(token)
	}
	if f.no == nil {
		f.no = checkCRC(sum, file)
	}
	f.add(file)
	digest := md5.Sum(file)
	f.md5 = hex.EncodeToString(digest[:])
}

// checkCRC holds data against a decimal CRC-32 (IEEE); "" is not checked.
func checkCRC(sum string, data []byte) *refusal {
	if sum == "" {
		return nil
	}
	n, err := strconv.ParseUint(sum, 10, 32)
	if err != nil {
		return errArgument
	}
	if crc32.ChecksumIEEE(data) != uint32(n) {
		return errCRC
	}
	return nil
}

// putBase64 answers /putb64/<size or -1>/key/<k>/mimeType/<m>/crc32/<c>/x:…,
// an upload whose body is base64.
func (s *Server) putBase64(w http.ResponseWriter, r *http.Request, seg []string) {
	p, coded, no := s.taken(r)
	if no != nil {
		writeRefusal(w, no)
		return
	}
	data, err := base64.StdEncoding.DecodeString(string(coded))
	size, err2 := strconv.ParseInt(seg[0], 10, 64)
	if err != nil || err2 != nil || size != -1 && size != int64(len(data)) {
		writeRefusal(w, errArgument)
		return
	}
	a, opts, no := pathArrival(seg[1:])
	if no == nil {
		no = checkCRC(opts["crc32"], data)
	}
	if no != nil {
		writeRefusal(w, no)
		return
	}
	sum := md5.Sum(data)
	a.md5 = hex.EncodeToString(sum[:])
	a.add(data)
	s.arrive(r.Context(), w, p, a)
}

// pathArrival reads the parameters that end the path of mkfile and putb64.
// All but crc32 are base64.
func pathArrival(seg []string) (a arrival, opts map[string]string, no *refusal) {
	if opts, no = options(seg); no != nil {
		return a, nil, no
	}
	for name, coded := range opts {
		value, ok := decodeBase64(coded)
		switch {
		case name == "crc32":
		case !ok:
			return a, nil, errArgument
		case name == "key":
			a.key = &value
		case name == "fname":
			a.fname = value
		case name == "mimeType":
			a.mime = value
		default:
			a.option(name, value)
		}
	}
	return a, opts, nil
}
