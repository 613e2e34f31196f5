package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// store is the registry: described images, and pushed ones, which outlive a restart of it.
type store struct {
	registry  http.Handler
	manifests string
	blobs     *blobs
	ready     atomic.Bool
	mu        sync.Mutex
	described map[string]bool
}

func newStore(directory string) (*store, error) {
	held := &blobs{directory: filepath.Join(directory, "blobs"), own: map[v1.Hash]*layer{}}
	manifests := filepath.Join(directory, "manifests")
	for _, d := range []string{held.directory, manifests} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	held.BlobHandler = registry.NewDiskBlobHandler(held.directory)
	handler := registry.New(registry.WithBlobHandler(held), registry.Logger(log.New(io.Discard, "", 0)))
	return &store{registry: handler, manifests: manifests, blobs: held, described: map[string]bool{}}, nil
}

// describe takes the described images in, each under its name's tag `latest`.
func (s *store) describe(address string, sources *sources) error {
	images, err := sources.describe()
	if err != nil {
		return err
	}
	for _, image := range images {
		for _, l := range image.layers {
			s.blobs.keep(l)
		}
		for _, repository := range image.names {
			reference, err := name.ParseReference(address+"/"+repository+":latest", name.Insecure)
			if err != nil {
				return err
			}
			if err := remote.Write(reference, image); err != nil {
				return err
			}
			s.mu.Lock()
			s.described[repository] = true
			s.mu.Unlock()
		}
	}
	return nil
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ready" {
		if !s.ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return
	}
	repository, reference, isManifest := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/manifests/")
	switch {
	case isManifest && r.Method == http.MethodPut:
		s.put(w, r)
	case isManifest && s.isDescribed(repository) && !strings.HasPrefix(reference, "sha256:"):
		s.latestFor(r, repository)
		s.registry.ServeHTTP(w, r)
	default:
		s.registry.ServeHTTP(w, r)
	}
}

func (s *store) isDescribed(repository string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.described[repository]
}

// latestFor turns a request for a tag that isn't there into one for `latest`.
func (s *store) latestFor(r *http.Request, repository string) {
	head := r.Clone(r.Context())
	head.Method = http.MethodHead
	answer := httptest.NewRecorder()
	if s.registry.ServeHTTP(answer, head); answer.Code == http.StatusNotFound {
		r.URL.Path = "/v2/" + repository + "/manifests/latest"
	}
}

// pushed is a manifest on disk.
type pushed struct {
	Path, Type string
	Body       []byte
}

// put takes a manifest in, and writes it down if it isn't one of the described images.
func (s *store) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	s.registry.ServeHTTP(answer, r)
	if answer.Code == http.StatusCreated && s.ready.Load() {
		text, err := json.Marshal(pushed{r.URL.Path, r.Header.Get("Content-Type"), body})
		if err == nil {
			err = os.WriteFile(filepath.Join(s.manifests, url.PathEscape(r.URL.Path)), text, 0o644)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// recall takes in what was pushed before.
func (s *store) recall() error {
	files, err := os.ReadDir(s.manifests)
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(s.manifests, file.Name()))
		if err != nil {
			return err
		}
		var p pushed
		if err := json.Unmarshal(text, &p); err != nil {
			return err
		}
		request := httptest.NewRequest(http.MethodPut, p.Path, bytes.NewReader(p.Body))
		request.Header.Set("Content-Type", p.Type)
		answer := httptest.NewRecorder()
		if s.registry.ServeHTTP(answer, request); answer.Code != http.StatusCreated {
			log.Printf("%s can't be served any more: %s", p.Path, answer.Body)
		}
	}
	return nil
}

// blobs has the layers of described images where they are, and what is pushed in a directory.
type blobs struct {
	registry.BlobHandler
	directory string
	mu        sync.Mutex
	own       map[v1.Hash]*layer
}

func (b *blobs) keep(l *layer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own[l.hash] = l
}

func (b *blobs) layer(hash v1.Hash) *layer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.own[hash]
}

// Stat is part of registry.BlobStatHandler.
func (b *blobs) Stat(_ context.Context, _ string, hash v1.Hash) (int64, error) {
	if l := b.layer(hash); l != nil {
		return l.size, nil
	}
	info, err := os.Stat(filepath.Join(b.directory, hash.Algorithm, hash.Hex))
	if err != nil {
		return 0, registry.ErrNotFound
	}
	return info.Size(), nil
}

// Get is part of registry.BlobHandler.
func (b *blobs) Get(ctx context.Context, repository string, hash v1.Hash) (io.ReadCloser, error) {
	if l := b.layer(hash); l != nil {
		return l.open()
	}
	return b.BlobHandler.Get(ctx, repository, hash)
}

// Put is part of registry.BlobPutHandler.
func (b *blobs) Put(ctx context.Context, repository string, hash v1.Hash, content io.ReadCloser) error {
	return b.BlobHandler.(registry.BlobPutHandler).Put(ctx, repository, hash, content)
}
