//! The hosts file of a pod: what the kubelet wrote, and the names that DNS can't give this pod.
//!
//! Addresses are asked for when the pod starts, so that none stands in a pod template.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use super::dns::Resolver;
use super::{Error, say};

/// Time between two questions for a name that isn't there yet, and between two lines that say so.
const PAUSE: Duration = Duration::from_millis(250);
const REMINDER: Duration = Duration::from_secs(10);
const HEADING: &str = "# Names of the stack that DNS can't give this pod; written by compose-operator.\n";

#[derive(Args, Debug, Default)]
pub struct Arguments {
    /// The file to write.
    #[arg(long)]
    pub output: PathBuf,
    /// A further name of a Service of the namespace, as NAME=SERVICE.
    #[arg(long = "name", value_name = "NAME=SERVICE", value_parser = name)]
    pub names: Vec<(String, String)>,
    /// A further name of this pod.
    #[arg(long = "own-name", value_name = "NAME")]
    pub own_names: Vec<String>,
    /// A line that is known already, as ADDRESS=NAME.
    #[arg(long = "line", value_name = "ADDRESS=NAME", value_parser = line)]
    pub lines: Vec<(IpAddr, String)>,
    /// The pod's own addresses.
    #[arg(long, env = "POD_IPS", value_delimiter = ',', hide_env_values = true)]
    pub own_addresses: Vec<IpAddr>,
    /// The kubelet's file.
    #[arg(long, value_name = "FILE", default_value = "/etc/hosts")]
    pub base: PathBuf,
    /// Where the DNS servers stand.
    #[arg(long, value_name = "FILE", default_value = "/etc/resolv.conf")]
    pub resolver: PathBuf,
    /// Seconds after which it gives up.
    #[arg(long, default_value_t = 300)]
    pub timeout: u64,
}

fn name(text: &str) -> Result<(String, String), String> {
    let (name, service) = text.rsplit_once('=').ok_or("expected NAME=SERVICE")?;
    Ok((name.to_owned(), service.to_owned()))
}

fn line(text: &str) -> Result<(IpAddr, String), String> {
    let (address, name) = text.split_once('=').ok_or("expected ADDRESS=NAME")?;
    Ok((address.parse().map_err(|_| format!("{address:?} is no address"))?, name.to_owned()))
}

/// Writes the file, once every name has an address.
pub fn write(arguments: &Arguments) -> Result<(), Error> {
    let base = fs::read_to_string(&arguments.base).map_err(Error::file("read", &arguments.base))?;
    let config = fs::read_to_string(&arguments.resolver).map_err(Error::file("read", &arguments.resolver))?;
    let services: BTreeSet<&str> = arguments.names.iter().map(|(_, service)| service.as_str()).collect();
    let addresses = wait(&Resolver::new(&config), &services, Duration::from_secs(arguments.timeout))?;
    let text = text(&base, arguments, &addresses);
    let part = arguments.output.with_extension("part");
    fs::write(&part, text).map_err(Error::file("write", &part))?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o644)).map_err(Error::file("set the mode of", &part))?;
    fs::rename(&part, &arguments.output).map_err(Error::file("rename to", &arguments.output))?;
    say(&format!("{} names written", arguments.names.len() + arguments.own_names.len() + arguments.lines.len()));
    Ok(())
}

/// Asks for every Service until all have addresses, or the time is over.
fn wait<'a>(resolver: &Resolver, services: &BTreeSet<&'a str>, limit: Duration) -> Result<BTreeMap<&'a str, BTreeSet<IpAddr>>, Error> {
    let begin = Instant::now();
    let mut found = BTreeMap::new();
    let mut told: Option<Instant> = None;
    loop {
        let mut missing = Vec::new();
        for service in services {
            if found.contains_key(service) {
                continue;
            }
            match resolver.resolve(service) {
                Ok(addresses) => drop(found.insert(*service, addresses)),
                Err(reason) => missing.push(format!("Service {service} ({reason})")),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let missing = missing.join(", ");
        if begin.elapsed() >= limit {
            return Err(Error::Unresolved(format!("no address after {} s: {missing}", limit.as_secs())));
        }
        if told.is_none_or(|told| told.elapsed() >= REMINDER) {
            say(&format!("waiting for {missing}"));
            told = Some(Instant::now());
        }
        thread::sleep(PAUSE);
    }
}

fn text(base: &str, arguments: &Arguments, addresses: &BTreeMap<&str, BTreeSet<IpAddr>>) -> String {
    let mut text = base.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(HEADING);
    let known = arguments.lines.iter().map(|(address, name)| (*address, name));
    let own = arguments.own_names.iter().flat_map(|name| arguments.own_addresses.iter().map(move |address| (*address, name)));
    let resolved = arguments.names.iter().flat_map(|(name, service)| {
        let addresses = addresses.get(service.as_str()).into_iter().flatten();
        addresses.map(move |address| (*address, name))
    });
    let mut seen = BTreeSet::new();
    for (address, name) in known.chain(own).chain(resolved) {
        // Some resolvers compare names of this file by their letters' case, which Docker's DNS does not.
        for spelling in [name.clone(), name.to_lowercase()] {
            if seen.insert((address, spelling.clone())) {
                let _ = writeln!(text, "{address}\t{spelling}");
            }
        }
    }
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
mod tests {
    use super::super::Place;
    use super::super::dns::tests::Server;
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &[&str]) -> Result<Arguments, String> {
        use clap::Parser;
        let all = ["hosts", "--output=/hosts"].iter().chain(words);
        Line::try_parse_from(all).map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn the_kubelets_lines_stay_and_every_name_gets_its_addresses() {
        let arguments =
            parse(&["--name=My_DB=my-db", "--name=pool_=a", "--name=pool_=b", "--own-name=web_1", "--line=1.2.3.4=x_y"]).unwrap();
        let arguments = Arguments { own_addresses: vec!["10.244.0.5".parse().unwrap()], ..arguments };
        let address = |text: &str| BTreeSet::from([text.parse::<IpAddr>().unwrap()]);
        let addresses = BTreeMap::from([("my-db", address("10.96.0.7")), ("a", address("10.96.0.8")), ("b", address("fd00::9"))]);
        assert_eq!(
            text("127.0.0.1\tlocalhost\n10.244.0.5\tweb-1", &arguments, &addresses),
            format!(
                "127.0.0.1\tlocalhost\n10.244.0.5\tweb-1\n{HEADING}1.2.3.4\tx_y\n10.244.0.5\tweb_1\n10.96.0.7\tMy_DB\n10.96.0.7\tmy_db\n10.96.0.8\tpool_\nfd00::9\tpool_\n"
            )
        );
    }

    #[test]
    fn a_line_that_says_nothing_is_refused() {
        for wrong in ["--name=my_db", "--line=my_db", "--line=here=my_db"] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_waits_until_a_name_is_there() {
        let server = Server::new(&[("db.shop.svc.cluster.local", &["10.96.0.7"])]);
        let resolver = server.resolver();
        let found = thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&resolver, &BTreeSet::from(["db", "late"]), Duration::from_mins(1)));
            while !server.asked.lock().unwrap().iter().any(|name| name.starts_with("late")) {
                thread::yield_now();
            }
            server.add("late.shop.svc.cluster.local", &["10.96.0.8"]);
            waiting.join().unwrap()
        });
        let found = found.unwrap();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["db", "late"]);
    }

    #[test]
    fn it_gives_up_and_says_what_is_missing() {
        let server = Server::new(&[]);
        let error = wait(&server.resolver(), &BTreeSet::from(["db"]), Duration::ZERO).unwrap_err().to_string();
        assert_eq!(error, "no address after 0 s: Service db (db.shop.svc.cluster.local: there is no such name)");
    }

    #[test]
    fn the_file_is_readable_for_all_and_written_anew_on_a_restart() {
        let place = Place::new("hosts");
        place.file("base", "127.0.0.1 localhost\n", 0o600);
        place.file("resolv.conf", "nameserver 127.0.0.1\n", 0o600);
        let arguments = Arguments {
            output: place.path("hosts"),
            base: place.path("base"),
            resolver: place.path("resolv.conf"),
            own_names: vec!["me_".to_owned()],
            own_addresses: vec!["10.0.0.1".parse().unwrap()],
            ..Arguments::default()
        };
        for _ in 0..2 {
            write(&arguments).unwrap();
            assert_eq!(place.read("hosts").unwrap(), format!("127.0.0.1 localhost\n{HEADING}10.0.0.1\tme_\n"));
            assert_eq!(place.mode("hosts"), 0o644);
        }
    }
}
