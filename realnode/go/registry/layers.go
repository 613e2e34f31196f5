package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layer is an uncompressed tar: one digest is both its digest and its diff id.
type layer struct {
	hash v1.Hash
	size int64
	open func() (io.ReadCloser, error)
}

func (l *layer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *layer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *layer) Compressed() (io.ReadCloser, error)   { return l.open() }
func (l *layer) Uncompressed() (io.ReadCloser, error) { return l.open() }
func (l *layer) Size() (int64, error)                 { return l.size, nil }
func (l *layer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }

// sources is what layers are made from.
type sources struct {
	images, debian, busybox string
	programs                map[string]string
	layers                  map[string]*layer
}

// layer makes the layer of a name once: `debian`, `busybox`, `program:NAME` or `root:IMAGE`.
func (s *sources) layer(name string, entries []entry) (*layer, error) {
	if l := s.layers[name]; l != nil {
		return l, nil
	}
	l, err := s.make(name, entries)
	if err != nil {
		return nil, fmt.Errorf("layer %q: %w", name, err)
	}
	s.layers[name] = l
	return l, nil
}

func (s *sources) make(name string, entries []entry) (*layer, error) {
	kind, argument, _ := strings.Cut(name, ":")
	switch kind {
	case "debian":
		return file(s.debian)
	case "busybox":
		return s.busyboxLayer()
	case "program":
		return s.programLayer(argument)
	case "root":
		return tree(filepath.Join(s.images, argument, "root"), entries)
	}
	return nil, errors.New("it is none of debian, busybox, program:NAME, root:IMAGE")
}

// file is a layer that lies there as a tar; its digest is kept beside it.
func file(path string) (*layer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	note := path + ".sha256"
	sum, err := os.ReadFile(note)
	if err != nil {
		if sum, err = digest(path); err != nil {
			return nil, err
		}
		if err := os.WriteFile(note, sum, 0o644); err != nil {
			return nil, err
		}
	}
	open := func() (io.ReadCloser, error) { return os.Open(path) }
	return &layer{v1.Hash{Algorithm: "sha256", Hex: string(sum)}, info.Size(), open}, nil
}

func digest(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return nil, err
	}
	return []byte(hex.EncodeToString(hash.Sum(nil))), nil
}

// memory is a layer that is small enough to be kept.
func memory(write func(*tar.Writer) error) (*layer, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	if err := write(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content.Bytes())
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil }
	return &layer{v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}, int64(content.Len()), open}, nil
}

func addDirectory(w *tar.Writer, name string, mode int64) error {
	return w.WriteHeader(&tar.Header{Name: name + "/", Mode: mode, Typeflag: tar.TypeDir})
}

func addFile(w *tar.Writer, name string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

func (s *sources) programLayer(name string) (*layer, error) {
	content, err := os.ReadFile(s.programs[name])
	if err != nil {
		return nil, err
	}
	return memory(func(w *tar.Writer) error { return addFile(w, name, 0o755, content) })
}

// busyboxLayer is a whole system of one program under many names.
func (s *sources) busyboxLayer() (*layer, error) {
	content, err := os.ReadFile(s.busybox)
	if err != nil {
		return nil, err
	}
	names, err := exec.Command(s.busybox, "--list").Output()
	if err != nil {
		return nil, err
	}
	return memory(func(w *tar.Writer) error {
		for _, name := range []string{"bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "var"} {
			if err := addDirectory(w, name, 0o755); err != nil {
				return err
			}
		}
		if err := addDirectory(w, "tmp", 0o1777); err != nil {
			return err
		}
		if err := addFile(w, "bin/busybox", 0o755, content); err != nil {
			return err
		}
		for _, name := range strings.Fields(string(names)) {
			if name == "busybox" {
				continue
			}
			if err := w.WriteHeader(&tar.Header{Name: "bin/" + name, Linkname: "busybox", Mode: 0o777, Typeflag: tar.TypeSymlink}); err != nil {
				return err
			}
		}
		if err := addFile(w, "etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n")); err != nil {
			return err
		}
		return addFile(w, "etc/group", 0o644, []byte("root:x:0:\nnogroup:x:65534:\n"))
	})
}

// entry says whose a path of an image is, and makes a directory that isn't in the tree.
type entry struct {
	Path string
	UID  int
	GID  int
	// Mode is octal; empty leaves it as it is in the tree, or 0755.
	Mode string
}

// tree is a directory as it lies there, everything in it root's unless an entry says otherwise.
func tree(root string, entries []entry) (*layer, error) {
	return memory(func(w *tar.Writer) error {
		seen := map[string]bool{}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == root {
				if errors.Is(err, fs.ErrNotExist) && path == root {
					return nil
				}
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			seen[name] = true
			return addTreeEntry(w, path, name, d, entries)
		})
		if err != nil {
			return err
		}
		for _, e := range entries {
			if name := strings.Trim(e.Path, "/"); !seen[name] {
				header := &tar.Header{Name: name + "/", Mode: 0o755, Typeflag: tar.TypeDir}
				if err := own(header, name, entries); err != nil {
					return err
				}
				if err := w.WriteHeader(header); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func addTreeEntry(w *tar.Writer, path, name string, d fs.DirEntry, entries []entry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Typeflag: tar.TypeReg}
	var content []byte
	switch {
	case d.IsDir():
		header.Name, header.Typeflag = name+"/", tar.TypeDir
	case info.Mode()&fs.ModeSymlink != 0:
		header.Typeflag = tar.TypeSymlink
		header.Linkname, err = os.Readlink(path)
	default:
		content, err = os.ReadFile(path)
		header.Size = int64(len(content))
	}
	if err != nil {
		return err
	}
	if err := own(header, name, entries); err != nil {
		return err
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// own gives a header what the entry of its path says.
func own(header *tar.Header, name string, entries []entry) error {
	at := slices.IndexFunc(entries, func(e entry) bool { return strings.Trim(e.Path, "/") == name })
	if at < 0 {
		return nil
	}
	header.Uid, header.Gid = entries[at].UID, entries[at].GID
	if entries[at].Mode == "" {
		return nil
	}
	mode, err := strconv.ParseInt(entries[at].Mode, 8, 32)
	header.Mode = mode
	return err
}
