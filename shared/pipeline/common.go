package pipeline

// CommonCause is what the reasons of rows that failed by one cause have in
// common: reason without the names, hashes and request ids that differ from
// object to object.
func CommonCause(reason string) string { return common(reason) }
