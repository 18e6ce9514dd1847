package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
)

// Sum is the SHA-256 of a file as records have it, in hex.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// CreateBySum writes a file that a record is to name by its SHA-256, and returns the name that it
// has: the one asked for, or `<name>-<SHA-256>.<suffix>` where something else stands there, which
// another process wrote. So no process takes away what another's record names.
func CreateBySum(ctx context.Context, f Folder, name string, data []byte) (string, error) {
	_, won, err := f.Create(ctx, name, data)
	if err != nil || won {
		return name, err
	}
	name = nameBySum(name, Sum(data))
	return name, f.Write(ctx, name, data)
}

// ReplaceBySum has data stand under name. What stood there gets the name with its SHA-256, by
// which a record may still name it.
func ReplaceBySum(ctx context.Context, f Folder, name string, data []byte) error {
	standing, err := f.Read(ctx, name)
	switch {
	case err == nil && bytes.Equal(standing, data):
		return nil
	case err == nil:
		err = f.Write(ctx, nameBySum(name, Sum(standing)), standing)
	case Missing(err):
		err = nil
	}
	if err != nil {
		return err
	}
	return f.Write(ctx, name, data)
}

// ReadBySum reads what CreateBySum wrote under name, or beside it, with that SHA-256; "" is that of
// none. Where there is no such file it returns what stands under name. The error is NotFound where
// nothing does.
func ReadBySum(ctx context.Context, f Folder, name, sum string) ([]byte, error) {
	standing, err := f.Read(ctx, name)
	if err != nil && !Missing(err) || err == nil && Sum(standing) == sum {
		return standing, err
	}
	if raw, herr := hex.DecodeString(sum); herr != nil || len(raw) != sha256.Size {
		return standing, err
	}
	switch named, nerr := f.Read(ctx, nameBySum(name, sum)); {
	case nerr == nil && Sum(named) == sum:
		return named, nil
	case nerr != nil && !Missing(nerr):
		return nil, nerr
	}
	return standing, err
}

// ReadAllBySum reads all that CreateBySum and ReplaceBySum wrote under name and beside it.
func ReadAllBySum(ctx context.Context, f Folder, name string) (all [][]byte, err error) {
	var names []string
	err = f.Names(ctx, strings.TrimSuffix(name, path.Ext(name)), func(other string) {
		if PlainName(other) == name {
			names = append(names, other)
		}
	})
	for _, name := range names {
		if err == nil {
			var data []byte
			data, err = f.Read(ctx, name)
			all = append(all, data)
		}
	}
	return all, err
}

// PlainName is the name that CreateBySum was asked for, of a file that it wrote.
func PlainName(file string) string {
	suffix := path.Ext(file)
	base := strings.TrimSuffix(file, suffix)
	at := strings.LastIndexByte(base, '-')
	if raw, err := hex.DecodeString(base[at+1:]); at < 0 || err != nil || len(raw) != sha256.Size {
		return file
	}
	return base[:at] + suffix
}

// nameBySum is the name of a file that has its SHA-256 in it.
func nameBySum(name, sum string) string {
	suffix := path.Ext(name)
	return strings.TrimSuffix(name, suffix) + "-" + sum + suffix
}
