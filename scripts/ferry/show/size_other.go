//go:build !unix

package show

import "os"

// sized cannot be asked here.
func sized(*os.File) bool { return true }

// size is not known here.
func size(*os.File) (width, height int) { return 0, 0 }
