package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// description is the image.json of an image's directory.
type description struct {
	// Names are repositories without a registry: `library/redis` is `redis` of Docker Hub, and of every other registry.
	Names []string
	// Layers are named as in sources.layer; `root` is the directory `root` beside the description.
	Layers []string
	// Entries are of that directory's files.
	Entries []entry
	Config  v1.Config
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// describedImage is an image, what it is called, and the layers that it has.
type describedImage struct {
	v1.Image
	names  []string
	layers []*layer
}

// describe reads all descriptions, in the order of their directories' names.
func (s *sources) describe() ([]describedImage, error) {
	files, err := filepath.Glob(filepath.Join(s.images, "*", "image.json"))
	if err != nil {
		return nil, err
	}
	var images []describedImage
	for _, file := range files {
		image, err := s.image(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		images = append(images, *image)
	}
	return images, nil
}

func (s *sources) image(file string) (*describedImage, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var d description
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, err
	}
	described := &describedImage{names: d.Names}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, name := range d.Layers {
		entries := []entry(nil)
		if name == "root" {
			name, entries = "root:"+filepath.Base(filepath.Dir(file)), d.Entries
		}
		l, err := s.layer(name, entries)
		if err != nil {
			return nil, err
		}
		described.layers = append(described.layers, l)
		if image, err = mutate.AppendLayers(image, l); err != nil {
			return nil, err
		}
	}
	if !strings.Contains("\n"+strings.Join(d.Config.Env, "\n"), "\nPATH=") {
		d.Config.Env = append(d.Config.Env, defaultPath)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", d.Config
	described.Image, err = mutate.ConfigFile(image, config)
	return described, err
}
