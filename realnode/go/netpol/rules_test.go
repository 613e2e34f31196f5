package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// The pods of all cases, each in a namespace with an address. `team` is a namespace of another label.
const (
	web   = "10.244.0.2" // shop, app: web, listens on http = 80
	db    = "10.244.0.3" // shop, app: db, listens on sql = 5432
	alien = "10.244.0.4" // team, app: web
	host  = "10.20.0.2"  // a machine beside the node
)

func pod(namespace, app, ip, portName string, port int32) addressed {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app, Labels: map[string]string{"app": app}}}
	p.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: portName, ContainerPort: port}}}}
	return addressed{p, ip}
}

func with(t *testing.T, policies ...string) *cluster {
	t.Helper()
	c := &cluster{
		pods:       []addressed{pod("shop", "web", web, "http", 80), pod("shop", "db", db, "sql", 5432), pod("team", "web", alien, "http", 8080)},
		namespaces: map[string]labels.Set{"shop": {"name": "shop"}, "team": {"name": "team"}},
	}
	for i, text := range policies {
		policy := &netv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: strconv.Itoa(i)}}
		if err := yaml.UnmarshalStrict([]byte(text), &policy.Spec); err != nil {
			t.Fatal(err)
		}
		c.policies = append(c.policies, policy)
	}
	return c
}

// packet is the first one of a connection.
type packet struct {
	from, to string
	protocol string
	port     int
}

// passes walks a table as nftables would: the chains that the addresses jump to must all let the packet return.
func passes(t *testing.T, table string, p packet) bool {
	t.Helper()
	_, forward, found := strings.Cut(table, "  chain forward {")
	if !found {
		t.Fatalf("no chain forward in\n%s", table)
	}
	forward, _, _ = strings.Cut(forward, "}\n  chain input")
	for _, line := range strings.Split(forward, "\n") {
		field, elements, isMap := strings.Cut(strings.TrimSpace(line), " vmap { ")
		if !isMap {
			continue
		}
		own := p.to
		if field == "ip saddr" {
			own = p.from
		}
		for _, element := range strings.Split(strings.TrimSuffix(elements, " }"), ", ") {
			ip, chain, _ := strings.Cut(element, " : jump ")
			if ip == own && !returns(t, table, chain, p) {
				return false
			}
		}
	}
	return true
}

func returns(t *testing.T, table, name string, p packet) bool {
	t.Helper()
	_, chain, found := strings.Cut(table, "  chain "+name+" {")
	if !found {
		t.Fatalf("no chain %s in\n%s", name, table)
	}
	for _, line := range strings.Split(chain, "\n")[1:] {
		line = strings.TrimSpace(line)
		if line == "counter drop" {
			return false
		}
		if match, isReturn := strings.CutSuffix(line, "return"); !isReturn {
			t.Fatalf("unknown statement %q", line)
		} else if matches(t, strings.TrimSpace(match), p) {
			return true
		}
	}
	t.Fatalf("chain %s drops nothing", name)
	return false
}

// matches evaluates the matches of a statement one after the other.
func matches(t *testing.T, text string, p packet) bool {
	t.Helper()
	words := strings.Fields(text)
	for len(words) > 0 {
		var holds bool
		switch {
		case words[0] == "ip":
			address := p.from
			if words[1] == "daddr" {
				address = p.to
			}
			if words[2] == "!=" {
				end := slices.Index(words, "}")
				holds = true
				for _, block := range words[4:end] {
					holds = holds && !within(strings.TrimSuffix(block, ","), address)
				}
				words = words[end+1:]
			} else {
				holds = within(words[2], address)
				words = words[3:]
			}
		case words[0] == "meta":
			holds = words[2] == p.protocol
			words = words[3:]
		case words[1] == "dport":
			low, high, isRange := strings.Cut(words[2], "-")
			if !isRange {
				high = low
			}
			first, _ := strconv.Atoi(low)
			last, _ := strconv.Atoi(high)
			holds = words[0] == p.protocol && first <= p.port && p.port <= last
			words = words[3:]
		default:
			t.Fatalf("unknown match %q", text)
		}
		if !holds {
			return false
		}
	}
	return true
}

func within(block, address string) bool {
	ip := netip.MustParseAddr(address)
	if prefix, err := netip.ParsePrefix(block); err == nil {
		return prefix.Contains(ip)
	}
	return block == address
}

func TestPoliciesDecideWhoReachesWhom(t *testing.T) {
	const (
		isolated = "{podSelector: {matchLabels: {app: db}}}"
		toDB     = 5432
	)
	type verdict map[packet]bool
	tcp := func(from, to string, port int) packet { return packet{from, to, "tcp", port} }
	cases := []struct {
		name     string
		policies []string
		expected verdict
	}{
		{"without a policy everybody reaches everybody", nil, verdict{tcp(web, db, toDB): true, tcp(alien, db, 1): true, tcp(host, web, 80): true}},
		{"a policy without rules isolates the pods that it selects, and those alone", []string{isolated}, verdict{
			tcp(web, db, toDB): false, tcp(host, db, toDB): false, tcp(db, web, 80): true, tcp(alien, web, 80): true,
		}},
		{"a pod reaches itself", []string{"{podSelector: {}, policyTypes: [Ingress, Egress]}"}, verdict{tcp(db, db, toDB): true, tcp(db, web, 80): false}},
		{"a pod selector means pods of the policy's own namespace", []string{
			"{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
		}, verdict{tcp(web, db, toDB): true, tcp(web, db, 1): true, tcp(alien, db, toDB): false, tcp(host, db, toDB): false}},
		{"a namespace selector alone means all pods of such namespaces", []string{
			"{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {name: team}}}]}]}",
		}, verdict{tcp(alien, db, toDB): true, tcp(web, db, toDB): false}},
		{"both selectors in one peer must hold", []string{
			"{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}]}",
		}, verdict{tcp(alien, db, toDB): false, tcp(web, db, toDB): false}},
		{"an absent list of peers means everybody, an absent list of ports all of them", []string{
			"{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}",
			"{podSelector: {matchLabels: {app: db}}, ingress: [{}]}",
		}, verdict{tcp(host, web, 80): true, tcp(host, web, 81): false, {host, web, "udp", 80}: false, tcp(alien, db, 1): true, {alien, db, "udp", 1}: true}},
		{"policies add up", []string{
			isolated,
			"{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
		}, verdict{tcp(web, db, toDB): true, tcp(alien, db, toDB): false}},
		{"a name of a port is that of the pod that is called", []string{
			"{podSelector: {}, ingress: [{ports: [{port: sql}]}]}",
		}, verdict{tcp(host, db, toDB): true, tcp(host, web, toDB): false, tcp(host, web, 80): false}},
		{"a range of ports has both of its ends", []string{
			"{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 10, endPort: 12, protocol: UDP}]}]}",
		}, verdict{{web, db, "udp", 10}: true, {web, db, "udp", 12}: true, {web, db, "udp", 13}: false, {web, db, "udp", 9}: false, tcp(web, db, 11): false}},
		{"a protocol alone means all of its ports", []string{
			"{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{protocol: UDP}]}]}",
		}, verdict{{web, db, "udp", 7}: true, tcp(web, db, 7): false}},
		{"a block of addresses has exceptions", []string{
			"{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.244.0.0/16]}}]}]}",
		}, verdict{tcp(host, db, toDB): true, tcp(web, db, toDB): false}},
		{"egress of a pod doesn't close its ingress", []string{
			"{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}",
		}, verdict{tcp(db, web, 80): false, tcp(db, host, 1): false, tcp(web, db, toDB): true}},
		{"both ends must agree", []string{
			"{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]}",
			isolated,
		}, verdict{tcp(web, db, toDB): false, tcp(web, host, 80): false}},
		{"egress to a name of a port is to the pods that have it", []string{
			"{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: sql}]}]}",
		}, verdict{tcp(web, db, toDB): true, tcp(web, db, 80): false, tcp(web, host, toDB): false}},
		{"rules of egress imply the type, where none is written", []string{
			"{podSelector: {matchLabels: {app: web}}, egress: [{ports: [{port: 53, protocol: UDP}]}]}",
		}, verdict{{web, host, "udp", 53}: true, tcp(web, host, 53): false, tcp(db, web, 80): false}},
		{"a list of peers that nobody matches admits nobody", []string{
			"{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]}",
		}, verdict{tcp(web, db, toDB): false}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table := with(t, c.policies...).render()
			for p, expected := range c.expected {
				if passes(t, table, p) != expected {
					t.Errorf("%s → %s %s/%d: expected %v of\n%s", p.from, p.to, p.protocol, p.port, expected, table)
				}
			}
		})
	}
}

func TestATableIsTheSameWhateverTheOrderOfItsPolicies(t *testing.T) {
	one := "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}"
	other := fmt.Sprintf("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: %s/32}}]}]}", host)
	if with(t, one, other).render() != with(t, other, one).render() {
		t.Error("the order of policies shows, so that the table would be written for nothing")
	}
}

func TestANameOfAPortIsFoundInItsOwnProtocol(t *testing.T) {
	p := pod("shop", "dns", web, "dns", 53)
	p.Spec.Containers[0].Ports[0].Protocol = corev1.ProtocolUDP
	name := intstr.FromString("dns")
	if found := ports([]netv1.NetworkPolicyPort{{Port: &name}}, &p); len(found) != 0 {
		t.Errorf("dns/tcp is %v", found)
	}
	udp := corev1.ProtocolUDP
	if found := ports([]netv1.NetworkPolicyPort{{Port: &name, Protocol: &udp}}, &p); !slices.Equal(found, []string{"udp dport 53 "}) {
		t.Errorf("dns/udp is %v", found)
	}
}
