// Command netpol enforces networking.k8s.io/v1 NetworkPolicies on a single node, as one nftables table (IPv4).
// Connections that are established when a policy appears stay; the node itself always reaches its pods.
// As containerd's NRI plugin it learns a pod's address before the pod's containers start, so that none of them runs unconfined.
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"github.com/containerd/nri/pkg/stub"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "whose rights suffice to watch pods, namespaces and policies")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	run(context.Background(), informers.NewSharedInformerFactory(client, 0))
}

func run(ctx context.Context, factory informers.SharedInformerFactory) {
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	changed := make(chan struct{}, 1)
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: func(any) { tell() }, UpdateFunc: func(_, _ any) { tell() }, DeleteFunc: func(any) { tell() }}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			log.Fatal(err)
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	e := &enforcer{pods: pods.Lister(), namespaces: namespaces.Lister(), policies: policies.Lister(), sandboxes: map[string]string{}}
	plugin, err := stub.New(e, stub.WithPluginName("network-policies"), stub.WithPluginIdx("10"))
	if err == nil {
		err = plugin.Start(ctx)
	}
	if err != nil {
		log.Fatalf("without NRI pods would start unconfined: %v", err)
	}
	tell()
	for range changed {
		// Changes come in swarms.
		time.Sleep(20 * time.Millisecond)
		if !e.apply() {
			time.Sleep(time.Second)
			tell()
		}
	}
}
