package fault

// Apart takes joined errors apart, also those that one Error holds: each then has its kind,
// operation and key.
func Apart(err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range e.Unwrap() {
			all = append(all, Apart(one)...)
		}
		return all
	case *Error:
		if many, ok := e.Err.(interface{ Unwrap() []error }); ok {
			var all []error
			for _, one := range many.Unwrap() {
				all = append(all, New(e.Kind, e.Op, e.Key, one))
			}
			return all
		}
	}
	return []error{err}
}
