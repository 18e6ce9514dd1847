package store

// mostSamples is how many objects are tried out of a page of a listing.
const mostSamples = 5

// Samples are the keys of up to five objects that may be read, spread over those that were
// listed.
func Samples(listed []Object, readable func(Object) bool) []string {
	var keys []string
	for _, o := range listed {
		if readable(o) {
			keys = append(keys, o.Key)
		}
	}
	if len(keys) <= mostSamples {
		return keys
	}
	some := make([]string, mostSamples)
	for i := range some {
		some[i] = keys[i*(len(keys)-1)/(mostSamples-1)]
	}
	return some
}
