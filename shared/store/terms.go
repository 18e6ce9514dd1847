package store

// Terms is what people are told of a source in its service's own words. A service's
// peculiarities are these data; the package verdict knows no service.
type Terms struct {
	Thaw     string   // what thaws an archived object: "restoreAr"
	Disabled string   // why a Disabled object cannot be read, and what to do about it: a sentence for its row
	Untold   []string // what a listing does not tell, so that a plan cannot: a sentence each
}

// Termed is a Source that has Terms.
type Termed interface{ Terms() Terms }

// TermsOf returns the Terms of s, without words where it has none.
func TermsOf(s Source) Terms {
	if t, ok := s.(Termed); ok {
		return t.Terms()
	}
	return Terms{}
}
