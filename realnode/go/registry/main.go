// Command registry serves images for every registry's name, over plain HTTP: those that a directory describes, and whatever is pushed to it.
// An unknown tag of a described image is answered as its "latest", so that redis:6.2-alpine and redis:7 both run.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"strings"
)

func main() {
	programs := map[string]string{}
	address := flag.String("address", "127.0.0.1:5000", "where to listen")
	images := flag.String("images", "", "the directory that has a directory for each image")
	debian := flag.String("debian", "", "the tar of the layer `debian`")
	busybox := flag.String("busybox", "", "the program of the layer `busybox`")
	pushed := flag.String("pushed", "", "the directory for what is pushed")
	flag.Func("program", "NAME=PATH, a program of a layer `program:NAME`; may be repeated", func(value string) error {
		name, path, _ := strings.Cut(value, "=")
		programs[name] = path
		return nil
	})
	flag.Parse()

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	store, err := newStore(*pushed)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, store)) }()
	if err := store.recall(); err != nil {
		log.Fatal(err)
	}
	sources := &sources{images: *images, debian: *debian, busybox: *busybox, programs: programs, layers: map[string]*layer{}}
	if err := store.describe(listener.Addr().String(), sources); err != nil {
		log.Fatal(err)
	}
	store.ready.Store(true)
	log.Printf("%d image names on %s", len(store.described), listener.Addr())
	select {}
}
