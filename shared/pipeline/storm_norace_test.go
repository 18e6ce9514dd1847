//go:build !race

package pipeline_test

// defaultSeeds is how many storms a test run makes unless -seeds says.
const defaultSeeds = 200
