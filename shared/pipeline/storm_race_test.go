//go:build race

package pipeline_test

// defaultSeeds is how many storms a test run makes unless -seeds says: the race
// detector makes each ten times as long.
const defaultSeeds = 16

// defaultHistories is how many histories of both buckets TestAHistory goes through.
const defaultHistories = 60

// raced reports whether this test is built with the race detector.
const raced = true
