//go:build race

package pipeline_test

// defaultSeeds is how many storms a test run makes unless -seeds says: the race
// detector makes each ten times as long.
const defaultSeeds = 16
