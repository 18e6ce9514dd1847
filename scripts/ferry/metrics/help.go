package metrics

import (
	"bytes"
	"io"
	"strings"

	"github.com/VictoriaMetrics/metrics"
)

// helps says of each metric what it is. The names of the Go runtime and of the process are
// those that Prometheus' own client uses, and their library gives them no text.
var helps = map[string]string{
	"ferry_tasks_total":                   "Tasks by kind and by how they ended: done, throttled, failed, newer, cut_off, given_up.",
	"ferry_task_duration_seconds":         "How long tasks took, by kind.",
	"ferry_tasks_running":                 "Tasks under way, by kind.",
	"ferry_objects_total":                 "Objects by the state that their rows say they ended in.",
	"ferry_copied_bytes_total":            "Bytes copied, parts of big objects included.",
	"ferry_throttles_total":               "Answers of a service to slow down, each waited for.",
	"ferry_faults_total":                  "Faults met with objects and dealt with, by kind.",
	"ferry_receives_total":                "Receives of queues, by queue and outcome: ok, failed.",
	"ferry_last_answer_timestamp_seconds": "When a queue was read last, in Unix time.",

	"go_goroutines":                       "Goroutines that exist.",
	"go_threads":                          "Threads of the operating system that were made.",
	"go_gc_duration_seconds":              "Pauses of garbage collections.",
	"go_gc_pauses_seconds":                "Pauses of garbage collections.",
	"go_gc_cpu_seconds_total":             "Processor time that garbage collection took.",
	"go_gc_mark_assist_cpu_seconds_total": "Processor time that goroutines gave to garbage collection.",
	"go_gc_forced_count":                  "Garbage collections that the program asked for.",
	"go_gomaxprocs":                       "Threads that run Go code at the same time, at most.",
	"go_cpu_count":                        "Processors of the machine.",
	"go_cgo_calls_count":                  "Calls of C.",
	"go_info":                             "The version of Go that this was built with.",
	"go_info_ext":                         "The compiler, the system and the module root that this was built with.",
	"go_memlimit_bytes":                   "The memory that the runtime is to stay within.",
	"go_mutex_wait_seconds_total":         "Time that goroutines waited for locks.",
	"go_sched_latencies_seconds":          "Time that goroutines waited for a processor.",
	"go_scavenge_cpu_seconds_total":       "Processor time that giving memory back took.",
	"process_cpu_seconds_total":           "Processor time of this process.",
	"process_cpu_seconds_system_total":    "Processor time of this process in the kernel.",
	"process_cpu_seconds_user_total":      "Processor time of this process outside the kernel.",
	"process_resident_memory_bytes":       "Memory of this process that is in RAM.",
	"process_virtual_memory_bytes":        "Address space of this process.",
	"process_start_time_seconds":          "When this process began, in Unix time.",
	"process_open_fds":                    "Files and connections that are open.",
	"process_max_fds":                     "Files and connections that may be open.",
	"process_num_threads":                 "Threads of this process.",
}

// groups are the beginnings of names whose metrics are told together.
var groups = []struct{ prefix, help string }{
	{"go_memstats_", "Memory of the Go runtime: see runtime.MemStats."},
	{"process_io_", "Input and output of this process."},
	{"process_pressure_", "How long this process waited for a resource."},
	{"process_", "Of this process, as the system counts it."},
	{"go_", "Of the Go runtime: see runtime/metrics."},
}

func help(family string) string {
	if text, ok := helps[family]; ok {
		return text
	}
	for _, g := range groups {
		if strings.HasPrefix(family, g.prefix) {
			return g.help
		}
	}
	return ""
}

// describe copies what write writes to w, with the text of each metric where it has none.
func describe(w io.Writer, write func(io.Writer)) {
	var plain, told bytes.Buffer
	write(&plain)
	for line := range bytes.Lines(plain.Bytes()) {
		if name, ok := bytes.CutPrefix(line, []byte("# HELP ")); ok && !bytes.ContainsRune(bytes.TrimSpace(name), ' ') {
			family := string(bytes.TrimSpace(name))
			told.WriteString("# HELP " + family + " " + help(family) + "\n")
			continue
		}
		told.Write(line)
	}
	_, _ = told.WriteTo(w) // who asked has gone
}

// writeProcess writes what the process itself uses.
func writeProcess(w io.Writer) {
	describe(w, metrics.WriteProcessMetrics)
	describe(w, metrics.WriteFDMetrics)
}
