package main

import (
	"context"
	"log"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	nri "github.com/containerd/nri/pkg/api"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	netlisters "k8s.io/client-go/listers/networking/v1"
)

// enforcer keeps the table as the cluster wants it. Its methods with NRI's names are called by containerd.
type enforcer struct {
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   netlisters.NetworkPolicyLister
	mu         sync.Mutex
	// sandboxes has the addresses of pods by UID, from before the pods' status has them.
	sandboxes map[string]string
	applied   string
}

// sandbox takes note of a pod's address.
func (e *enforcer) sandbox(p *nri.PodSandbox) {
	for _, ip := range p.GetIps() {
		if !strings.Contains(ip, ":") {
			e.mu.Lock()
			e.sandboxes[p.GetUid()] = ip
			e.mu.Unlock()
		}
	}
}

// Synchronize tells which pods there are already.
func (e *enforcer) Synchronize(_ context.Context, pods []*nri.PodSandbox, _ []*nri.Container) ([]*nri.ContainerUpdate, error) {
	for _, p := range pods {
		e.sandbox(p)
	}
	return nil, nil
}

// RunPodSandbox returns when the pod's policies are in force; its containers start after that.
func (e *enforcer) RunPodSandbox(_ context.Context, p *nri.PodSandbox) error {
	e.sandbox(p)
	// The kubelet has seen the pod, so the informer is about to.
	for range 100 {
		if _, err := e.pods.Pods(p.GetNamespace()).Get(p.GetName()); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.apply()
	return nil
}

// RemovePodSandbox forgets an address.
func (e *enforcer) RemovePodSandbox(_ context.Context, p *nri.PodSandbox) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ip := range p.GetIps() {
		if e.sandboxes[p.GetUid()] == ip {
			delete(e.sandboxes, p.GetUid())
		}
	}
	return nil
}

// apply puts the rules in force if they have changed; false says that nft refused them.
func (e *enforcer) apply() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	rules := e.view().render()
	if rules == e.applied {
		return true
	}
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(rules)
	if output, err := nft.CombinedOutput(); err != nil {
		log.Printf("nft: %v: %s\n%s", err, output, rules)
		return false
	}
	e.applied = rules
	return true
}

// view is the cluster as it is known now.
func (e *enforcer) view() *cluster {
	c := &cluster{namespaces: map[string]labels.Set{}}
	// Listers read memory: they don't fail.
	pods, _ := e.pods.List(labels.Everything())
	for _, p := range pods {
		ip := e.sandboxes[string(p.UID)]
		if ip == "" {
			ip = p.Status.PodIP
		}
		if ip != "" && !p.Spec.HostNetwork && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			c.pods = append(c.pods, addressed{p, ip})
		}
	}
	slices.SortFunc(c.pods, func(a, b addressed) int { return strings.Compare(a.ip, b.ip) })
	namespaces, _ := e.namespaces.List(labels.Everything())
	for _, n := range namespaces {
		c.namespaces[n.Name] = n.Labels
	}
	c.policies, _ = e.policies.List(labels.Everything())
	return c
}
