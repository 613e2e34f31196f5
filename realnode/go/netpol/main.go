// Command netpol enforces networking.k8s.io/v1 NetworkPolicies on a single node, as one nftables table (IPv4).
// Connections that are established when a policy appears stay; the node itself always reaches its pods.
// As containerd's NRI plugin it learns a pod's address before the pod's containers start, so that none of them runs unconfined.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os/exec"
	"os/signal"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	nri "github.com/containerd/nri/pkg/api"
	"github.com/containerd/nri/pkg/stub"
	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	netlisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const table = "inet network-policies"

type addressed struct {
	*corev1.Pod
	ip string
}

type cluster struct {
	pods       []addressed // those with an address of their own
	namespaces map[string]labels.Set
	policies   []*netv1.NetworkPolicy
}

func selects(s *metav1.LabelSelector, l labels.Set) bool {
	sel, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && sel.Matches(l)
}

// peers returns the pods that a peer's selectors mean, as seen from a policy's namespace.
func (c *cluster) peers(peer netv1.NetworkPolicyPeer, ns string) (out []addressed) {
	for _, p := range c.pods {
		if peer.NamespaceSelector == nil && p.Namespace != ns ||
			peer.NamespaceSelector != nil && !selects(peer.NamespaceSelector, c.namespaces[p.Namespace]) ||
			peer.PodSelector != nil && !selects(peer.PodSelector, p.Labels) {
			continue
		}
		out = append(out, p)
	}
	return out
}

func named(p *addressed, name string, proto corev1.Protocol) (ports []string) {
	for _, c := range append(append([]corev1.Container{}, p.Spec.InitContainers...), p.Spec.Containers...) {
		for _, port := range c.Ports {
			got := port.Protocol
			if got == "" {
				got = corev1.ProtocolTCP
			}
			if port.Name == name && got == proto {
				ports = append(ports, fmt.Sprint(port.ContainerPort))
			}
		}
	}
	return ports
}

// ports returns the port matches of a rule; holder, where known, is the pod whose named ports count.
func ports(list []netv1.NetworkPolicyPort, holder *addressed) (out []string) {
	if len(list) == 0 {
		return []string{""}
	}
	for _, p := range list {
		proto := corev1.ProtocolTCP
		if p.Protocol != nil {
			proto = *p.Protocol
		}
		l4 := strings.ToLower(string(proto))
		switch {
		case p.Port == nil:
			out = append(out, "meta l4proto "+l4+" ")
		case p.Port.Type == intstr.Int && p.EndPort != nil:
			out = append(out, fmt.Sprintf("%s dport %d-%d ", l4, p.Port.IntVal, *p.EndPort))
		case p.Port.Type == intstr.Int:
			out = append(out, fmt.Sprintf("%s dport %d ", l4, p.Port.IntVal))
		case holder != nil:
			for _, n := range named(holder, p.Port.StrVal, proto) {
				out = append(out, fmt.Sprintf("%s dport %s ", l4, n))
			}
		}
	}
	return out
}

// allow returns the rules that one ingress or egress rule of a policy gives a pod: the far side is matched by field saddr or daddr.
func (c *cluster) allow(ns string, peers []netv1.NetworkPolicyPeer, list []netv1.NetworkPolicyPort, pod *addressed, field string) (rules []string) {
	ingress := field == "saddr"
	add := func(match string, holder *addressed) {
		if ingress {
			holder = pod
		}
		for _, p := range ports(list, holder) {
			rules = append(rules, match+p+"return")
		}
	}
	if len(peers) == 0 {
		add("", nil)
		if !ingress { // a named port is looked up on whichever pod is called
			for _, p := range c.pods {
				add("ip daddr "+p.ip+" ", &p)
			}
		}
	}
	for _, peer := range peers {
		if b := peer.IPBlock; b != nil {
			if strings.Contains(b.CIDR, ":") {
				continue
			}
			match := "ip " + field + " " + b.CIDR + " "
			if len(b.Except) > 0 {
				match += "ip " + field + " != { " + strings.Join(b.Except, ", ") + " } "
			}
			add(match, nil)
			continue
		}
		for _, p := range c.peers(peer, ns) {
			add("ip "+field+" "+p.ip+" ", &p)
		}
	}
	return rules
}

func (c *cluster) render() string {
	var chains, in, out strings.Builder
	for i, pod := range c.pods {
		ip := pod.ip
		var ingress, egress []string
		isolated := map[netv1.PolicyType]bool{}
		for _, np := range c.policies {
			if np.Namespace != pod.Namespace || !selects(&np.Spec.PodSelector, pod.Labels) {
				continue
			}
			types := np.Spec.PolicyTypes
			if len(types) == 0 {
				types = []netv1.PolicyType{netv1.PolicyTypeIngress}
				if len(np.Spec.Egress) > 0 {
					types = append(types, netv1.PolicyTypeEgress)
				}
			}
			for _, t := range types {
				isolated[t] = true
				if t == netv1.PolicyTypeIngress {
					for _, r := range np.Spec.Ingress {
						ingress = append(ingress, c.allow(np.Namespace, r.From, r.Ports, &pod, "saddr")...)
					}
				} else {
					for _, r := range np.Spec.Egress {
						egress = append(egress, c.allow(np.Namespace, r.To, r.Ports, &pod, "daddr")...)
					}
				}
			}
		}
		chain := func(dir, field string, rules []string, elements *strings.Builder) {
			sort.Strings(rules)
			fmt.Fprintf(&chains, "  chain %s%d { # %s/%s\n    ip %s %s return\n", dir, i, pod.Namespace, pod.Name, field, ip)
			last := ""
			for _, r := range rules {
				if r != last {
					fmt.Fprintf(&chains, "    %s\n", r)
				}
				last = r
			}
			fmt.Fprintf(&chains, "    counter drop\n  }\n")
			fmt.Fprintf(elements, "%s : jump %s%d, ", ip, dir, i)
		}
		if isolated[netv1.PolicyTypeIngress] {
			chain("in", "saddr", ingress, &in)
		}
		if isolated[netv1.PolicyTypeEgress] {
			chain("out", "daddr", egress, &out)
		}
	}
	vmap := func(field string, elements *strings.Builder) string {
		if elements.Len() == 0 {
			return ""
		}
		return fmt.Sprintf("    ip %s vmap { %s }\n", field, strings.TrimSuffix(elements.String(), ", "))
	}
	return fmt.Sprintf("table %s\ndelete table %s\ntable %s {\n%s  chain forward {\n    type filter hook forward priority filter; policy accept;\n"+
		"    ct state established,related accept\n%s%s  }\n  chain input {\n    type filter hook input priority filter; policy accept;\n    ct state established,related accept\n%s  }\n}\n",
		table, table, table, chains.String(), vmap("saddr", &out), vmap("daddr", &in), vmap("saddr", &out))
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	wake := make(chan struct{}, 1)
	poke := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	for _, i := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		i.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(any) { poke() }, UpdateFunc: func(_, _ any) { poke() }, DeleteFunc: func(any) { poke() }})
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	e := &enforcer{pods: pods.Lister(), namespaces: namespaces.Lister(), policies: policies.Lister(), sandboxes: map[string]string{}}
	plugin, err := stub.New(e, stub.WithPluginName("network-policies"), stub.WithPluginIdx("10"))
	if err == nil {
		err = plugin.Start(ctx)
	}
	if err != nil {
		log.Printf("no NRI, pods start unconfined: %v", err)
	}
	poke()
	for {
		select {
		case <-ctx.Done():
			exec.Command("nft", "delete table "+table).Run()
			return
		case <-wake:
		}
		time.Sleep(20 * time.Millisecond)
		if !e.apply() {
			time.Sleep(time.Second)
			poke()
		}
	}
}

type enforcer struct {
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   netlisters.NetworkPolicyLister
	mu         sync.Mutex
	sandboxes  map[string]string // pod UID to address
	applied    string
}

func (e *enforcer) sandbox(p *nri.PodSandbox) {
	for _, ip := range p.GetIps() {
		if !strings.Contains(ip, ":") {
			e.mu.Lock()
			e.sandboxes[p.GetUid()] = ip
			e.mu.Unlock()
		}
	}
}

func (e *enforcer) Synchronize(_ context.Context, pods []*nri.PodSandbox, _ []*nri.Container) ([]*nri.ContainerUpdate, error) {
	for _, p := range pods {
		e.sandbox(p)
	}
	return nil, nil
}

func (e *enforcer) RunPodSandbox(_ context.Context, p *nri.PodSandbox) error {
	e.sandbox(p)
	for range 100 { // the kubelet has seen the pod, so this informer is about to
		if _, err := e.pods.Pods(p.GetNamespace()).Get(p.GetName()); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.apply()
	return nil
}

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

func (e *enforcer) apply() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := &cluster{namespaces: map[string]labels.Set{}}
	all, _ := e.pods.List(labels.Everything())
	for _, p := range all {
		ip := e.sandboxes[string(p.UID)]
		if ip == "" {
			ip = p.Status.PodIP
		}
		if ip != "" && !p.Spec.HostNetwork && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			c.pods = append(c.pods, addressed{p, ip})
		}
	}
	sort.Slice(c.pods, func(i, j int) bool { return c.pods[i].ip < c.pods[j].ip })
	nss, _ := e.namespaces.List(labels.Everything())
	for _, n := range nss {
		c.namespaces[n.Name] = n.Labels
	}
	c.policies, _ = e.policies.List(labels.Everything())
	rules := c.render()
	if rules == e.applied {
		return true
	}
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(rules)
	if msg, err := nft.CombinedOutput(); err != nil {
		log.Printf("nft: %v: %s\n%s", err, msg, rules)
		return false
	}
	e.applied = rules
	log.Printf("%d policies on %d pods", len(c.policies), len(c.pods))
	return true
}
