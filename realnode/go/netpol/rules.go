package main

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const table = "inet network-policies"

// addressed is a pod with an address of its own.
type addressed struct {
	*corev1.Pod
	ip string
}

// cluster is all that decides who may reach whom.
type cluster struct {
	pods       []addressed
	namespaces map[string]labels.Set
	policies   []*netv1.NetworkPolicy
}

// direction is from whose side a connection is looked at.
type direction struct {
	policy netv1.PolicyType
	// chain begins the names of chains.
	chain string
	// own and far are the header's fields of the pod itself and of the other side.
	own, far string
}

var (
	ingress = direction{netv1.PolicyTypeIngress, "in", "daddr", "saddr"}
	egress  = direction{netv1.PolicyTypeEgress, "out", "saddr", "daddr"}
)

func selects(selector *metav1.LabelSelector, of labels.Set) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(of)
}

// peers returns the pods that a peer's selectors mean, as seen from a policy's namespace.
func (c *cluster) peers(peer netv1.NetworkPolicyPeer, namespace string) (found []addressed) {
	for _, p := range c.pods {
		inNamespace := p.Namespace == namespace
		if peer.NamespaceSelector != nil {
			inNamespace = selects(peer.NamespaceSelector, c.namespaces[p.Namespace])
		}
		if inNamespace && (peer.PodSelector == nil || selects(peer.PodSelector, p.Labels)) {
			found = append(found, p)
		}
	}
	return found
}

// named returns the numbers of a pod's ports with this name.
func named(p *addressed, name string, protocol corev1.Protocol) (numbers []string) {
	for _, container := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, port := range container.Ports {
			if port.Name == name && (port.Protocol == protocol || port.Protocol == "" && protocol == corev1.ProtocolTCP) {
				numbers = append(numbers, fmt.Sprint(port.ContainerPort))
			}
		}
	}
	return numbers
}

// ports returns the matches of a rule's ports; holder, where it is known, is the pod whose ports have the names.
func ports(list []netv1.NetworkPolicyPort, holder *addressed) (matches []string) {
	if len(list) == 0 {
		return []string{""}
	}
	for _, p := range list {
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		word := strings.ToLower(string(protocol))
		switch {
		case p.Port == nil:
			matches = append(matches, "meta l4proto "+word+" ")
		case p.Port.Type == intstr.Int && p.EndPort != nil:
			matches = append(matches, fmt.Sprintf("%s dport %d-%d ", word, p.Port.IntVal, *p.EndPort))
		case p.Port.Type == intstr.Int:
			matches = append(matches, fmt.Sprintf("%s dport %d ", word, p.Port.IntVal))
		case holder != nil:
			for _, number := range named(holder, p.Port.StrVal, protocol) {
				matches = append(matches, fmt.Sprintf("%s dport %s ", word, number))
			}
		}
	}
	return matches
}

// rule is one rule of a policy, of either direction.
type rule struct {
	peers []netv1.NetworkPolicyPeer
	ports []netv1.NetworkPolicyPort
}

// rules returns those of a policy in a direction, and whether it isolates pods there at all.
func rules(policy *netv1.NetworkPolicy, d direction) (found []rule, isolates bool) {
	types := policy.Spec.PolicyTypes
	if len(types) == 0 {
		types = []netv1.PolicyType{netv1.PolicyTypeIngress}
		if len(policy.Spec.Egress) > 0 {
			types = append(types, netv1.PolicyTypeEgress)
		}
	}
	if !slices.Contains(types, d.policy) {
		return nil, false
	}
	if d == ingress {
		for _, r := range policy.Spec.Ingress {
			found = append(found, rule{r.From, r.Ports})
		}
	} else {
		for _, r := range policy.Spec.Egress {
			found = append(found, rule{r.To, r.Ports})
		}
	}
	return found, true
}

// allow returns what a rule lets a pod do, as statements of nftables.
func (c *cluster) allow(namespace string, r rule, pod *addressed, d direction) (statements []string) {
	// Named ports are those of the pod that is called.
	add := func(match string, far *addressed) {
		holder := far
		if d == ingress {
			holder = pod
		}
		for _, port := range ports(r.ports, holder) {
			statements = append(statements, match+port+"return")
		}
	}
	if len(r.peers) == 0 {
		add("", nil)
		if d == egress {
			for _, p := range c.pods {
				add("ip daddr "+p.ip+" ", &p)
			}
		}
	}
	for _, peer := range r.peers {
		if block := peer.IPBlock; block == nil {
			for _, p := range c.peers(peer, namespace) {
				add("ip "+d.far+" "+p.ip+" ", &p)
			}
		} else if !strings.Contains(block.CIDR, ":") {
			match := "ip " + d.far + " " + block.CIDR + " "
			if len(block.Except) > 0 {
				match += "ip " + d.far + " != { " + strings.Join(block.Except, ", ") + " } "
			}
			add(match, nil)
		}
	}
	return statements
}

// chain returns the chain of a pod, which leaves what is allowed and drops the rest; none for a pod that no policy isolates.
func (c *cluster) chain(pod *addressed, name string, d direction) string {
	isolated := false
	// A pod reaches itself.
	statements := []string{fmt.Sprintf("ip %s %s return", d.far, pod.ip)}
	for _, policy := range c.policies {
		if policy.Namespace != pod.Namespace || !selects(&policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		found, isolates := rules(policy, d)
		isolated = isolated || isolates
		for _, r := range found {
			statements = append(statements, c.allow(policy.Namespace, r, pod, d)...)
		}
	}
	if !isolated {
		return ""
	}
	slices.Sort(statements)
	body := strings.Join(slices.Compact(statements), "\n    ")
	return fmt.Sprintf("  chain %s { # %s/%s\n    %s\n    counter drop\n  }\n", name, pod.Namespace, pod.Name, body)
}

// render returns a script of nft that replaces the table.
func (c *cluster) render() string {
	var chains strings.Builder
	jumps := func(d direction) string {
		var elements []string
		for i, pod := range c.pods {
			name := fmt.Sprintf("%s%d", d.chain, i)
			if chain := c.chain(&pod, name, d); chain != "" {
				chains.WriteString(chain)
				elements = append(elements, pod.ip+" : jump "+name)
			}
		}
		if len(elements) == 0 {
			return ""
		}
		return fmt.Sprintf("    ip %s vmap { %s }\n", d.own, strings.Join(elements, ", "))
	}
	out, in := jumps(egress), jumps(ingress)
	// The node itself always reaches its pods; what pods send to it arrives at its input.
	return fmt.Sprintf(`table %[1]s
delete table %[1]s
table %[1]s {
%[2]s  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
%[3]s%[4]s  }
  chain input {
    type filter hook input priority filter; policy accept;
    ct state established,related accept
%[3]s  }
}
`, table, chains.String(), out, in)
}
