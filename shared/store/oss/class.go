package oss

import (
	"strings"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// className returns OSS's name of c. Two classes have no counterpart: what
// Kodo reads at once though archived (ArchiveIR) becomes IA, the cheapest that
// OSS reads at once without a setting of the bucket; and what Kodo moves
// between classes (Tiered) becomes Standard, because OSS has no such class and
// no other is certain to cost no retrieval fee. DeepArchive becomes
// ColdArchive, which thaws in hours as Kodo's does. The class is always sent,
// because a bucket's own default may be another.
func className(c store.Class) (string, error) {
	switch c {
	case "", store.Standard, store.Tiered:
		return string(sdk.StorageStandard), nil
	case store.Infrequent, store.ArchiveIR:
		return string(sdk.StorageIA), nil
	case store.Archive:
		return string(sdk.StorageArchive), nil
	case store.DeepArchive:
		return string(sdk.StorageColdArchive), nil
	case store.ColdDeep:
		return string(sdk.StorageDeepColdArchive), nil
	}
	return "", fault.Errorf("OSS has no storage class for %q: say which one the copies get, as with --class standard or class: standard in the job", c)
}

// classOf is the way back. A name that is new keeps itself.
func classOf(name []byte) store.Class {
	switch sdk.StorageClassType(name) {
	case "", sdk.StorageStandard:
		return store.Standard
	case sdk.StorageIA:
		return store.Infrequent
	case sdk.StorageArchive:
		return store.Archive
	case sdk.StorageColdArchive:
		return store.DeepArchive
	case sdk.StorageDeepColdArchive:
		return store.ColdDeep
	}
	return store.Class(strings.ToLower(string(name)))
}

// frozen says whether an object of class c must be thawed before it can be
// read. restore is the state of a thaw as OSS tells it, "" where none was
// asked for or its copy has expired: `ongoing-request="false", expiry-date="…"`
// once it is done, in listings as in a HEAD (OSS, how to check whether objects
// are restored).
// A bucket set to read Archive directly is not told apart: it reads what
// counts as frozen here.
func frozen(c store.Class, restore []byte) bool {
	switch c {
	case store.Archive, store.DeepArchive, store.ColdDeep:
		return !strings.Contains(string(restore), `ongoing-request="false"`)
	}
	return false
}
