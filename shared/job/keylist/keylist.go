// Package keylist reads the keys that a job's list names, in place of a listing, and
// says what the lines of a list look like that are no keys.
package keylist

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"kodoferry/shared/fault"
)

const (
	maxKey  = 1023          // bytes: OSS user guide, "Object naming conventions"
	maxLine = 6*maxKey + 16 // bytes: a key whose every byte is escaped, its quotes, a line's end
	maxTold = 20            // mistakes of a list of keys that are named at once
)

// Read reads a list of source keys, one a line, in UTF-8, with LF or CRLF.
// A line that begins with " is a JSON string, for keys with line breaks or a
// quote in front; any other is the key byte for byte, spaces included. Empty
// lines and a byte order mark in front are passed over. name is how errors call
// the list; prefix is what each key must begin with, the source's. It returns
// the keys in byte order, each once, at least one. The error is Invalid and
// names the first 20 mistakes by line.
func Read(r io.Reader, name, prefix string) ([]string, error) {
	in := bufio.NewReaderSize(r, maxLine)
	var keys []string
	var bad []error
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	for n := 1; ; n++ {
		line, long, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fault.New(fault.KindOf(err), "keylist.Read", name, fmt.Errorf("%s:%d: %w", name, n, err))
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(line) > 0 {
			key, why := keyOn(line, long, prefix)
			if why == "" {
				keys = append(keys, key)
			} else if len(bad) < maxTold {
				wrong("%s:%d: %s", name, n, why)
			} else {
				wrong("%s:%d: this line and perhaps more are wrong, too: mend those above first", name, n)
				break
			}
		}
		if err != nil {
			break
		}
	}
	if len(keys) == 0 && len(bad) == 0 {
		wrong("%s: there is no key in it: write one a line, or copy without a list", name)
	}
	if len(bad) > 0 {
		return nil, fault.New(fault.Invalid, "keylist.Read", name, errors.Join(bad...))
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// readLine returns the next line without its end, and whether it is longer
// than any key may be; of such a line only the beginning is kept. The last one comes with io.EOF.
func readLine(in *bufio.Reader) (line []byte, long bool, err error) {
	line, err = in.ReadSlice('\n')
	for rest := line; errors.Is(err, bufio.ErrBufferFull); {
		if !long {
			line, long = bytes.Clone(rest), true
		}
		_, err = in.ReadSlice('\n')
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	return line, long, err
}

// keyOn returns the key on a line, or what is wrong with it.
func keyOn(line []byte, long bool, prefix string) (key, why string) {
	key = string(line)
	if !long {
		if !utf8.Valid(line) {
			return "", fmt.Sprintf("%s is not UTF-8: write the list in UTF-8", shortly(key))
		}
		if line[0] == '"' {
			if err := json.Unmarshal(line, &key); err != nil || loneSurrogate(line) {
				return "", fmt.Sprintf(`%s is no JSON string, which a line that begins with " must be: close it, and write " as \" and \ as \\`, shortly(string(line)))
			}
		}
	}
	switch {
	case long || len(key) > maxKey:
		return "", shortly(key) + " has more than 1,023 bytes, the most of a key at OSS: take it out"
	case !strings.HasPrefix(key, prefix):
		return "", fmt.Sprintf("%s does not begin with the source's prefix %s: write whole keys, or name a shorter prefix in the source", shortly(key), strconv.Quote(prefix))
	}
	return key, ""
}

// shortly quotes the beginning of a key.
func shortly(key string) string {
	if len(key) > 60 {
		return strconv.Quote(key[:60]) + "…"
	}
	return strconv.Quote(key)
}

// loneSurrogate reports whether a JSON string has half of a character, which
// encoding/json replaces without a word.
func loneSurrogate(text []byte) bool {
	unit := func(at int) rune {
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0
		}
		n, _ := strconv.ParseUint(string(text[at+2:at+6]), 16, 16) // the text was read as JSON
		return rune(n)
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		u := unit(i)
		switch {
		case !utf16.IsSurrogate(u):
			i++
		case utf16.DecodeRune(u, unit(i+6)) == utf8.RuneError:
			return true
		default:
			i += 11
		}
	}
	return false
}
