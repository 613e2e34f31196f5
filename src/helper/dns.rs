//! Addresses of Services, asked of the pod's own DNS servers.
//!
//! The system's resolver is no way: a static binary of glibc has none in an image that holds nothing else, and the search list would cost
//! a query per domain. So the full name, `<service>.<namespace>.svc.<cluster domain>`, is asked for, whose end is on the search list.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};

const PORT: u16 = 53;
/// How long one server may take to answer one question.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest answer that is taken over UDP.
const MAX_ANSWER: usize = 4096;

/// The DNS servers and search domains of a pod.
pub struct Resolver {
    pub servers: Vec<SocketAddr>,
    pub domains: Vec<String>,
    pub patience: Duration,
}

impl Resolver {
    /// Reads a `resolv.conf`; lines that make no sense are left out, as by every resolver.
    pub fn new(resolv_conf: &str) -> Self {
        let (config, _) = resolv_conf::Config::parse_with_errors(resolv_conf.as_bytes());
        let servers = config.nameservers.iter().map(|server| SocketAddr::new(server.into(), PORT)).collect();
        let domains = config.get_last_search_or_domain().cloned().collect();
        Self { servers, domains, patience: PATIENCE }
    }

    /// The names under which a Service of the pod's namespace may be known: the full one, or one per search domain where none is the
    /// namespace's own.
    pub fn names(&self, service: &str) -> Vec<String> {
        let full = |domain: &String| format!("{service}.{}", domain.trim_end_matches('.'));
        let of_namespace = self.domains.iter().find(|domain| domain.split('.').nth(1) == Some("svc"));
        of_namespace.map_or_else(|| self.domains.iter().map(full).collect(), |domain| vec![full(domain)])
    }

    /// The addresses of a Service, or why there are none yet.
    pub fn resolve(&self, service: &str) -> Result<BTreeSet<IpAddr>, String> {
        let mut reason = "the pod has no search domain".to_owned();
        for name in self.names(service) {
            match self.addresses(&name) {
                Ok(addresses) => return Ok(addresses),
                Err(why) => reason = format!("{name}: {why}"),
            }
        }
        Err(reason)
    }

    /// The first server that answers decides, as resolvers have it.
    fn addresses(&self, name: &str) -> Result<BTreeSet<IpAddr>, String> {
        let mut reason = "there is no DNS server to ask".to_owned();
        for server in &self.servers {
            match [TYPE::A, TYPE::AAAA].into_iter().map(|kind| self.ask(*server, name, kind)).collect::<Result<Vec<_>, _>>() {
                Ok(answers) => {
                    let addresses: BTreeSet<IpAddr> = answers.iter().flat_map(|answer| &answer.addresses).copied().collect();
                    let refusal = answers.iter().find_map(|answer| answer.refusal.clone());
                    return if addresses.is_empty() {
                        Err(refusal.unwrap_or_else(|| "the name has no address".to_owned()))
                    } else {
                        Ok(addresses)
                    };
                }
                Err(error) => reason = format!("{server} did not answer: {error}"),
            }
        }
        Err(reason)
    }

    fn ask(&self, server: SocketAddr, name: &str, kind: TYPE) -> io::Result<Answer> {
        let id = rand_id();
        let mut query = Packet::new_query(id);
        query.set_flags(PacketFlag::RECURSION_DESIRED);
        let question = Name::new(name).map_err(io::Error::other)?;
        query.questions.push(Question::new(question, kind.into(), CLASS::IN.into(), false));
        let query = query.build_bytes_vec().map_err(io::Error::other)?;

        let any = if server.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(self.patience))?;
        socket.send(&query)?;
        let mut buffer = [0; MAX_ANSWER];
        // What answers another question came late, or from somebody else.
        for _ in 0..8 {
            let length = socket.recv(&mut buffer)?;
            if let Some(answer) = Packet::parse(&buffer[..length]).ok().and_then(|packet| answer(&packet, id)) {
                return Ok(answer);
            }
        }
        Err(io::Error::other("what it sent answers something else"))
    }
}

struct Answer {
    addresses: Vec<IpAddr>,
    refusal: Option<String>,
}

fn answer(packet: &Packet, id: u16) -> Option<Answer> {
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let refusal = match packet.rcode() {
        RCODE::NoError => None,
        RCODE::NameError => Some("there is no such name".to_owned()),
        code => Some(format!("the DNS server says {code:?}")),
    };
    let addresses = packet.answers.iter().filter_map(|record| match &record.rdata {
        RData::A(address) => Some(IpAddr::from(Ipv4Addr::from(address.address))),
        RData::AAAA(address) => Some(IpAddr::from(Ipv6Addr::from(address.address))),
        _ => None,
    });
    Some(Answer { addresses: addresses.collect(), refusal })
}

/// An id that can't be foretold: std seeds its hasher from the system's randomness.
fn rand_id() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let [.., high, low] = RandomState::new().hash_one(0_u8).to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
pub mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{A, AAAA};

    use super::*;

    /// A DNS server that knows some names, and more of them while it runs.
    pub struct Server {
        pub address: SocketAddr,
        known: Arc<Mutex<BTreeMap<String, Vec<IpAddr>>>>,
        pub asked: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        pub fn new(known: &[(&str, &[&str])]) -> Self {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            let server = Self { address, known: Arc::default(), asked: Arc::default() };
            for (name, addresses) in known {
                server.add(name, addresses);
            }
            let (known, asked) = (Arc::clone(&server.known), Arc::clone(&server.asked));
            thread::spawn(move || {
                let mut buffer = [0; MAX_ANSWER];
                while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                    let query = Packet::parse(&buffer[..length]).unwrap();
                    let name = query.questions[0].qname.to_string();
                    asked.lock().unwrap().push(name.clone());
                    let found = known.lock().unwrap().get(&name).cloned();
                    let mut reply = Packet::new_reply(query.id());
                    if found.is_none() {
                        *reply.rcode_mut() = RCODE::NameError;
                    }
                    for address in found.into_iter().flatten() {
                        let data = match (address, query.questions[0].qtype) {
                            (IpAddr::V4(v4), simple_dns::QTYPE::TYPE(TYPE::A)) => RData::A(A { address: v4.into() }),
                            (IpAddr::V6(v6), simple_dns::QTYPE::TYPE(TYPE::AAAA)) => RData::AAAA(AAAA { address: v6.into() }),
                            _ => continue,
                        };
                        reply.answers.push(ResourceRecord::new(Name::new(&name).unwrap().into_owned(), CLASS::IN, 5, data));
                    }
                    // An answer to another question must not be taken for this one.
                    let mut stray = Packet::new_reply(query.id().wrapping_add(1));
                    *stray.rcode_mut() = RCODE::NameError;
                    socket.send_to(&stray.build_bytes_vec().unwrap(), peer).unwrap();
                    socket.send_to(&reply.build_bytes_vec().unwrap(), peer).unwrap();
                }
            });
            server
        }

        pub fn add(&self, name: &str, addresses: &[&str]) {
            let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
            self.known.lock().unwrap().insert(name.to_owned(), addresses);
        }

        pub fn resolver(&self) -> Resolver {
            let domains = ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"].map(str::to_owned).to_vec();
            Resolver { servers: vec![self.address], domains, patience: PATIENCE }
        }
    }

    #[test]
    fn the_full_name_is_made_from_the_domain_of_the_namespace() {
        let names = |text: &str| Resolver::new(text).names("db");
        let usual = "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local example.com\noptions ndots:5\n";
        assert_eq!(names(usual), ["db.shop.svc.cluster.local"]);
        assert_eq!(names("search shop.svc.my.domain.\n"), ["db.shop.svc.my.domain"]);
        assert_eq!(names("search a.example b.example\n"), ["db.a.example", "db.b.example"]);
        assert_eq!(names(""), [""; 0]);
        let servers = Resolver::new("nonsense\nnameserver 10.0.0.1\nnameserver fd00::a\n").servers;
        assert_eq!(servers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1:53", "[fd00::a]:53"]);
    }

    #[test]
    fn addresses_of_both_families_are_found_and_a_missing_name_is_told() {
        let server = Server::new(&[("db.shop.svc.cluster.local", &["10.96.0.7", "fd00::7"])]);
        let found = server.resolver().resolve("db").unwrap();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.96.0.7", "fd00::7"]);
        assert_eq!(server.resolver().resolve("web"), Err("web.shop.svc.cluster.local: there is no such name".to_owned()));
    }

    #[test]
    fn a_server_that_is_silent_is_passed_over() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = Server::new(&[("db.shop.svc.cluster.local", &["10.96.0.7"])]);
        let mut resolver = Resolver { patience: Duration::from_millis(50), ..server.resolver() };
        resolver.servers.insert(0, silent.local_addr().unwrap());
        assert_eq!(resolver.resolve("db").unwrap().len(), 1);
        resolver.servers.truncate(1);
        assert!(resolver.resolve("db").unwrap_err().contains("did not answer"));
    }
}
