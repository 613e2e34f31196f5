// Command reference loads Compose projects with the reference implementation, as often as it is told, and says how long that took:
// of each request {"dir": D, "files": [F…], "times": N}, one per line, the answer is {"nanoseconds": T, "allocations": A, "bytes": B},
// or {"error": E}. Only the load counts; nothing is printed of the project.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/sirupsen/logrus"
)

type request struct {
	Dir   string   `json:"dir"`
	Files []string `json:"files"`
	Times int      `json:"times"`
}

type answer struct {
	Nanoseconds int64  `json:"nanoseconds"`
	Allocations uint64 `json:"allocations"`
	Bytes       uint64 `json:"bytes"`
	Error       string `json:"error,omitempty"`
}

func load(ctx context.Context, r request) error {
	options, err := cli.NewProjectOptions(r.Files,
		cli.WithWorkingDirectory(r.Dir),
		cli.WithEnvFiles(),
		cli.WithDotEnv,
		cli.WithName("bench"),
	)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return err
	}
	if len(project.Services) == 0 {
		return errors.New("no services")
	}
	return nil
}

// cpuTime is what this process has used, in nanoseconds: wall time would measure the machine's other work.
func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func run(r request) (answer, error) {
	if err := os.Chdir(r.Dir); err != nil {
		return answer{}, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpuTime()
	for range r.Times {
		if err := load(context.Background(), r); err != nil {
			return answer{}, err
		}
	}
	took := cpuTime() - start
	runtime.ReadMemStats(&after)
	return answer{
		Nanoseconds: took,
		Allocations: after.Mallocs - before.Mallocs,
		Bytes:       after.TotalAlloc - before.TotalAlloc,
	}, nil
}

func main() {
	logrus.SetOutput(io.Discard)
	// On one core, as what it is compared with.
	runtime.GOMAXPROCS(1)
	requests := bufio.NewScanner(os.Stdin)
	requests.Buffer(nil, 1<<20)
	for requests.Scan() {
		var r request
		if err := json.Unmarshal(requests.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		a, err := run(r)
		if err != nil {
			a.Error = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
