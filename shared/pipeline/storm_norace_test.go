//go:build !race

package pipeline_test

// defaultSeeds is how many storms a test run makes unless -seeds says.
const defaultSeeds = 200

// defaultHistories is how many histories of both buckets TestAHistory goes through.
const defaultHistories = 2000

// raced reports whether this test is built with the race detector.
const raced = false
