package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// plan is what the owner wants to have run: a JSON file, written by the Rust half of devcluster.
type plan struct {
	// Directory holds the state and the logs of this control plane and is removed when it ends.
	Directory string `json:"directory"`
	// Keep leaves that, and the volumes, to somebody else.
	Keep bool `json:"keep"`
	// Detached control planes end on SIGTERM; others also when their standard input is closed, that is, when their owner ends.
	Detached    bool   `json:"detached"`
	Server      string `json:"server"`
	Authority   string `json:"authority"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Steps       []step `json:"steps"`
}

// step is exactly one of: start a process, have a program succeed, create an object, wait for an answer.
type step struct {
	Label  string   `json:"label"`
	Start  *process `json:"start"`
	Run    *command `json:"run"`
	Create *object  `json:"create"`
	Await  *answer  `json:"await"`
}

type process struct {
	Name      string   `json:"name"`
	Program   string   `json:"program"`
	Arguments []string `json:"arguments"`
}

// command is run until it succeeds.
type command struct {
	Program   string   `json:"program"`
	Arguments []string `json:"arguments"`
	Seconds   int      `json:"seconds"`
}

type object struct {
	Path string          `json:"path"`
	Body json.RawMessage `json:"body"`
}

// answer is there when GET of the path on the API server, or of a whole address, gives 200, and the body has one text and lacks another.
type answer struct {
	Path    string `json:"path"`
	Has     string `json:"has"`
	Lacks   string `json:"lacks"`
	Seconds int    `json:"seconds"`
}

// report is a line on standard output, for the owner.
type report struct {
	Step   string `json:"step,omitempty"`
	Ready  bool   `json:"ready,omitempty"`
	Failed string `json:"failed,omitempty"`
}

func tell(r report) {
	line, _ := json.Marshal(r)
	fmt.Println(string(line)) // the owner may be gone: then nobody needs it
}

type exit struct {
	name string
	err  error
}

type supervisor struct {
	plan     plan
	client   *http.Client
	children []*exec.Cmd
	gone     int
	exits    chan exit
	end      chan struct{}
}

func supervise(arguments []string) int {
	// The children's parent-death signal comes when the *thread* that started them ends: the main thread lives as long as the process.
	runtime.LockOSThread()
	signal.Ignore(syscall.SIGPIPE, syscall.SIGINT, syscall.SIGHUP)
	if len(arguments) != 1 {
		fmt.Fprintln(os.Stderr, "usage: controlplane supervise PLAN.json")
		return 2
	}
	s := &supervisor{exits: make(chan exit, 16), end: make(chan struct{})}
	if err := s.load(arguments[0]); err != nil {
		tell(report{Failed: err.Error()})
		return 1
	}
	lock, err := hold(filepath.Join(s.plan.Directory, "lock"))
	if err != nil {
		tell(report{Failed: err.Error()})
		return 1
	}
	defer lock.Close()
	defer s.clean()
	s.watchOwner()
	for _, st := range s.plan.Steps {
		tell(report{Step: st.Label})
		if err := s.perform(st); err != nil {
			tell(report{Failed: err.Error()})
			return 1
		}
	}
	tell(report{Ready: true})
	select {
	case <-s.end:
		return 0
	case e := <-s.exits:
		tell(report{Failed: s.obituary(e)})
		return 1
	}
}

func (s *supervisor) load(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &s.plan); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if s.plan.Server == "" {
		s.client = &http.Client{Timeout: 5 * time.Second}
		return nil
	}
	authority, err := os.ReadFile(s.plan.Authority)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(s.plan.Certificate, s.plan.Key)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	s.client = &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}},
	}
	return nil
}

// hold takes the lock by which others see that this directory is in use.
func hold(path string) (*os.File, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	_, err = fmt.Fprintln(file, os.Getpid())
	return file, err
}

// watchOwner closes s.end when this control plane is no longer wanted.
func (s *supervisor) watchOwner() {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	closed := make(chan struct{})
	if !s.plan.Detached {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(closed)
		}()
	}
	go func() {
		select {
		case <-terminated:
		case <-closed:
		}
		close(s.end)
	}()
}

func (s *supervisor) perform(st step) error {
	switch {
	case st.Start != nil:
		return s.start(st.Start)
	case st.Run != nil:
		return s.run(st.Run)
	case st.Create != nil:
		return s.create(st.Create)
	case st.Await != nil:
		return s.await(st.Await)
	}
	return fmt.Errorf("step %q has nothing to do", st.Label)
}

func (s *supervisor) logPath(name string) string {
	return filepath.Join(s.plan.Directory, name+".log")
}

func (s *supervisor) start(p *process) error {
	log, err := os.Create(s.logPath(p.Name))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.Program, p.Arguments...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.plan.Directory, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	s.children = append(s.children, cmd)
	go func() { s.exits <- exit{p.Name, cmd.Wait()} }()
	return nil
}

func (s *supervisor) run(c *command) error {
	return s.retry(time.Duration(c.Seconds)*time.Second, c.Program+" "+strings.Join(c.Arguments, " "), func() error {
		output, err := exec.Command(c.Program, c.Arguments...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, bytes.TrimSpace(output))
		}
		return nil
	})
}

// obituary says which component ended, and its last words.
func (s *supervisor) obituary(e exit) string {
	s.gone++
	text, _ := os.ReadFile(s.logPath(e.name))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > 12 {
		lines = lines[len(lines)-12:]
	}
	return fmt.Sprintf("%s ended: %v\n%s", e.name, e.err, strings.Join(lines, "\n"))
}

// create posts an object that isn't there yet, as often as the server says that it isn't ready for it.
func (s *supervisor) create(o *object) error {
	var named struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(o.Body, &named); err != nil {
		return err
	}
	return s.retry(30*time.Second, "create "+o.Path, func() error {
		code, _, err := s.ask(s.client.Get(s.plan.Server + o.Path + "/" + named.Metadata.Name))
		if err != nil || code == http.StatusOK {
			return err
		}
		code, body, err := s.ask(s.client.Post(s.plan.Server+o.Path, "application/json", bytes.NewReader(o.Body)))
		if err == nil && code/100 != 2 && code != http.StatusConflict {
			err = fmt.Errorf("%d: %s", code, body)
		}
		return err
	})
}

// ask gives what was answered.
func (s *supervisor) ask(answer *http.Response, err error) (int, []byte, error) {
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, body, err
}

func (s *supervisor) await(a *answer) error {
	address := a.Path
	if strings.HasPrefix(address, "/") {
		address = s.plan.Server + address
	}
	return s.retry(time.Duration(a.Seconds)*time.Second, "wait for "+a.Path, func() error {
		code, body, err := s.ask(s.client.Get(address))
		if err != nil {
			return err
		}
		if code != http.StatusOK {
			return fmt.Errorf("%d: %s", code, body)
		}
		if !bytes.Contains(body, []byte(a.Has)) {
			return fmt.Errorf("%q isn't there yet", a.Has)
		}
		if a.Lacks != "" && bytes.Contains(body, []byte(a.Lacks)) {
			return fmt.Errorf("%q is still there", a.Lacks)
		}
		return nil
	})
}

func (s *supervisor) retry(limit time.Duration, what string, try func() error) error {
	late := time.After(limit)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-late:
			return fmt.Errorf("%s: nothing after %s: %w", what, limit, err)
		case e := <-s.exits:
			return errors.New(s.obituary(e))
		case <-s.end:
			return errors.New("stopped")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// clean removes what the control plane leaves: its volumes' directories, its processes, its own directory.
func (s *supervisor) clean() {
	if !s.plan.Keep {
		s.removeVolumes()
	}
	for _, child := range s.children {
		_ = child.Process.Kill()
	}
	for ; s.gone < len(s.children); s.gone++ {
		select {
		case <-s.exits:
		case <-time.After(3 * time.Second):
		}
	}
	if !s.plan.Keep {
		_ = os.RemoveAll(s.plan.Directory)
	}
}

// volumeRoot is where Kubernetes' host path provisioner makes its directories; it is compiled in.
const volumeRoot = "/tmp/hostpath_pv/"

func (s *supervisor) removeVolumes() {
	s.client.Timeout = 2 * time.Second
	answer, err := s.client.Get(s.plan.Server + "/api/v1/persistentvolumes")
	if err != nil {
		return
	}
	defer answer.Body.Close()
	var list struct {
		Items []struct {
			Spec struct {
				HostPath struct {
					Path string `json:"path"`
				} `json:"hostPath"`
			} `json:"spec"`
		} `json:"items"`
	}
	if json.NewDecoder(answer.Body).Decode(&list) != nil {
		return
	}
	for _, volume := range list.Items {
		path := filepath.Clean(volume.Spec.HostPath.Path)
		if strings.HasPrefix(path, volumeRoot) {
			_ = os.RemoveAll(path)
		}
	}
}
