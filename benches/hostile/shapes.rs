//! The worst files that we could think of, each at most 1 MiB with all that it reads.

use crate::project::Project;

/// A family of projects that grow with a number.
pub struct Shape {
    pub name: &'static str,
    /// The number at which the project is about 1 MiB, or past every bound.
    pub size: usize,
    pub project: fn(usize) -> Project,
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        text.push_str(&line(index));
        text
    })
}

/// A service `web` with further lines.
fn web(lines: &str) -> Project {
    Project::of(format!("services:\n  web:\n    image: x\n{lines}"))
}

fn services(count: usize, body: impl Fn(usize) -> String) -> String {
    format!("services:\n{}", lines(count, |index| format!("  s{index}: {{{}}}\n", body(index))))
}

/// `name: [item, item, …]` below `web`.
fn list(name: &str, count: usize, item: impl Fn(usize) -> String) -> Project {
    web(&format!("    {name}:\n{}", lines(count, |index| format!("    - {}\n", item(index)))))
}

/// `name: {key: value, …}` below `web`.
fn map(name: &str, count: usize, entry: impl Fn(usize) -> String) -> Project {
    web(&format!("    {name}:\n{}", lines(count, |index| format!("      {}\n", entry(index)))))
}

macro_rules! shapes {
    ($($name:literal, $size:expr, $project:expr;)*) => {
        vec![$(Shape { name: $name, size: $size, project: $project }),*]
    };
}

pub fn all() -> Vec<Shape> {
    [yaml(), values(), references(), services_of_many(), files()].into_iter().flatten().collect()
}

/// What costs the parser alone.
fn yaml() -> Vec<Shape> {
    shapes![
        "alias bomb", 40, |n| {
            let levels = lines(n, |level| format!("x-{}: &a{} [{}]\n", level + 1, level + 1, vec![format!("*a{level}"); 9].join(", ")));
            Project::of(format!("x-0: &a0 [x]\n{levels}services: {{web: {{image: x}}}}\n"))
        };
        "aliases of one large list", 1000, |n| {
            Project::of(format!("x-a: &a [{}]\nx-b: [{}]\nservices: {{web: {{image: x}}}}\n", "x, ".repeat(n), "*a, ".repeat(n)))
        };
        "anchors without aliases", 60_000, |n| Project::of(format!("x-a: [{}]\nservices: {{web: {{image: x}}}}\n", lines(n, |i| format!("&a{i} x, "))));
        "anchors inside each other", 120, |n| {
            let open = lines(n, |i| format!("&a{i} ["));
            Project::of(format!("x-a: {open}{}{}\nx-b: *a0\nservices: {{web: {{image: x}}}}\n", "x, ".repeat(40 * n), "]".repeat(n)))
        };
        "aliases of a text", 200_000, |n| Project::of(format!("x-a: &a {}\nx-b: [{}]\n", "x".repeat(n), "*a, ".repeat(n))
            .chars().take(1 << 20).collect::<String>());
        "merge keys of one large mapping", 1000, |n| {
            let entries = lines(n, |i| format!("k{i}: x, "));
            Project::of(format!("x-a: &a {{{entries}}}\nx-b:\n{}", lines(n, |_| "- <<: *a\n".to_owned())))
        };
        "merge keys of a list of one mapping", 1000, |n| {
            let entries = lines(n, |i| format!("k{i}: x, "));
            Project::of(format!("x-a: &a {{{entries}}}\nx-b: {{<<: [{}]}}\n", "*a, ".repeat(n)))
        };
        "flow lists inside each other", 500_000, |n| Project::of(format!("x-a: {}{}", "[".repeat(n), "]".repeat(n)));
        "flow mappings inside each other", 200_000, |n| Project::of(format!("x-a: {}{}", "{a: ".repeat(n), "}".repeat(n)));
        "block lists inside each other", 500_000, |n| Project::of(format!("x-a:\n {}x", "- ".repeat(n)));
        "block mappings inside each other", 1400, |n| Project::of(lines(n, |i| format!("{}a:\n", " ".repeat(i)))
            .chars().take(1 << 20).collect::<String>());
        "many deep lists", 1000, |n| Project::of(format!("x-a:\n{}", lines(n, |_| format!("- {}{}\n", "[".repeat(100), "]".repeat(100)))));
        "one huge key", 1 << 20, |n| Project::of(format!("{}: x", "k".repeat(n - 8)));
        "huge keys inside each other", 100, |n| Project::of(lines(n, |i| format!("{}{}:\n", " ".repeat(i), "k".repeat(10_000)))
            .chars().take(1 << 20).collect::<String>());
        "explicit keys", 200_000, |n| Project::of(format!("x-a:\n{}", lines(n, |i| format!("? {i}\n")).chars().take((1 << 20) - 10).collect::<String>()));
        "one huge plain text", 1 << 20, |n| Project::of(format!("x-a: {}", "a b ".repeat(n / 4 - 3)));
        "one huge quoted text", 1 << 20, |n| Project::of(format!("x-a: \"{}\"", r"\n\x41".repeat(n / 6 - 3)));
        "one huge block text", 1 << 20, |n| Project::of(format!("x-a: |\n{}", " x\n".repeat(n / 3 - 9)));
        "one huge folded text", 1 << 20, |n| Project::of(format!("x-a: >\n{}", " x\n\n".repeat(n / 4 - 9)));
        "plain text of many lines", 1 << 20, |n| Project::of(format!("x-a: x\n{}", " x\n".repeat(n / 3 - 9)));
        "quoted text of many lines", 1 << 20, |n| Project::of(format!("x-a: \"x\n{}\"", " x\n".repeat(n / 3 - 9)));
        "100,000 values", 90_000, |n| Project::of(format!("x-a: [{}]\nservices: {{web: {{image: x}}}}\n", "x, ".repeat(n)));
        "500,000 values", 500_000, |n| Project::of(format!("x-a: [{}]\nservices: {{web: {{image: x}}}}\n", "1,".repeat(n)));
        "100,000 numbers", 90_000, |n| Project::of(format!("x-a: [{}]\nservices: {{web: {{image: x}}}}\n", "1e1, ".repeat(n)));
        "dates", 48_000, |n| Project::of(format!("x-a: [{}]\nservices: {{web: {{image: x}}}}\n", "2020-01-31T10:00:00Z,".repeat(n)));
        "a long block list", 90_000, |n| Project::of(format!("x-a:\n{}services: {{web: {{image: x}}}}\n", "- x\n".repeat(n)));
        "a long block mapping", 70_000, |n| Project::of(format!("x-a:\n{}services: {{web: {{image: x}}}}\n", lines(n, |i| format!(" k{i}: x\n"))));
        "empty documents", 250_000, |n| Project::of("---\n".repeat(n));
        "documents that are merged", 95, |n| Project::of(lines(n, |i| format!("---\n{}", services(200, |j| format!("image: x{i}, user: '{j}'")))));
        "comments", 1 << 20, |n| Project::of(format!("{}services: {{web: {{image: x}}}}\n", "# x\n".repeat(n / 4 - 20)));
        "empty lines", 1 << 20, |n| Project::of(format!("{}services: {{web: {{image: x}}}}\n", "\n".repeat(n - 80)));
        "blanks behind values", 1 << 20, |n| Project::of(format!("services: {{web: {{image: x}}}}{}", " ".repeat(n - 80)));
        "tabs", 1 << 20, |n| Project::of(format!("x-a:\n{}", "\t".repeat(n - 80)));
        "dashes", 1 << 20, |n| Project::of("-".repeat(n));
        "lone dashes", 300_000, |n| Project::of(format!("x-a: [{}]", "-, ".repeat(n)));
        "question marks", 1 << 20, |n| Project::of("? ".repeat(n / 2));
        "colons", 1 << 20, |n| Project::of(": ".repeat(n / 2));
        "open braces and quotes", 1 << 20, |n| Project::of("{\"".repeat(n / 2));
        "tags", 70_000, |n| Project::of(format!("x-a: [{}]\nservices: {{web: {{image: x}}}}\n", "!!str x, ".repeat(n)));
        "duplicate keys", 100_000, |n| Project::of(format!("x-a:\n{}", " k: x\n".repeat(n)));
        "not UTF-8", 1 << 20, |n| Project::of(format!("x-a: {}", "é".repeat(n / 2 - 9)));
    ]
}

/// Long lists and large values of one service.
fn values() -> Vec<Shape> {
    shapes![
        "unknown attributes", 50_000, |n| web(&lines(n, |i| format!("    imaage{i}: x\n")));
        "one long unknown attribute", 1 << 20, |n| web(&format!("    {}: x\n", "k".repeat(n / 2)));
        "short volumes", 15_000, |n| list("volumes", n, |i| format!("v{i}:/data/{i}"));
        "short binds", 15_000, |n| list("volumes", n, |i| format!("./v{i}:/data/{i}"));
        "tmpfs", 40_000, |n| list("tmpfs", n, |i| format!("/data/{i}"));
        "short ports", 40_000, |n| list("ports", n, |i| format!("\"{}:{}\"", i % 60_000 + 1, i % 60_000 + 1));
        "port ranges", 30_000, |n| list("ports", n, |_| "\"1-65535:1-65535\"".to_owned());
        "a port range", 10_000, |n| list("ports", 1, |_| format!("\"1-{n}\""));
        "exposed ports", 60_000, |n| list("expose", n, |i| format!("\"{}\"", i % 65_000 + 1));
        "variables as a list", 40_000, |n| list("environment", n, |i| format!("VARIABLE_{i}=x"));
        "variables as a mapping", 40_000, |n| map("environment", n, |i| format!("VARIABLE_{i}: x"));
        "one huge variable", 1 << 20, |n| map("environment", 1, |_| format!("A: {}", "x".repeat(n / 2)));
        "labels", 40_000, |n| map("labels", n, |i| format!("label.{i}: x"));
        "annotations", 40_000, |n| map("annotations", n, |i| format!("note.{i}: x"));
        "a command of many words", 500_000, |n| web(&format!("    command: {}\n", "a ".repeat(n)));
        "a command of one word", 1 << 20, |n| web(&format!("    command: {}\n", "a".repeat(n / 2)));
        "a command of many arguments", 90_000, |n| web(&format!("    command: [{}]\n", "a, ".repeat(n)));
        "a command of quotes", 200_000, |n| web(&format!("    command: {}\n", "'a' ".repeat(n)));
        "hosts", 40_000, |n| list("extra_hosts", n, |i| format!("host{i}=10.0.0.1"));
        "capabilities", 60_000, |n| list("cap_add", n, |i| format!("CAP{i}"));
        "sysctls", 40_000, |n| map("sysctls", n, |i| format!("net.a{i}: 1"));
        "ulimits", 30_000, |n| map("ulimits", n, |i| format!("u{i}: {{soft: 1, hard: 2}}"));
        "devices", 30_000, |n| list("devices", n, |i| format!("/dev/a{i}:/dev/b{i}"));
        "secrets", 10_000, |n| {
            let secrets = lines(n, |i| format!("  s{i}: {{file: ./s{i}}}\n"));
            Project::of(format!("services:\n  web:\n    image: x\n    secrets:\n{}secrets:\n{secrets}", lines(n, |i| format!("    - s{i}\n"))))
        };
        "configs", 10_000, |n| {
            let configs = lines(n, |i| format!("  c{i}: {{content: x}}\n"));
            Project::of(format!("services:\n  web:\n    image: x\n    configs:\n{}configs:\n{configs}", lines(n, |i| format!("    - c{i}\n"))))
        };
        "one huge config", 1 << 20, |n| {
            Project::of(format!("services: {{web: {{image: x, configs: [c]}}}}\nconfigs: {{c: {{content: \"{}\"}}}}\n", "x".repeat(n - 200)))
        };
        "unset variables", 80_000, |n| map("environment", 1, |_| format!("A: {}", lines(n, |i| format!("$V{i} "))));
        "unset variables in many values", 40_000, |n| list("environment", n, |i| format!("V{i}=$V{i}"));
        "variables inside each other", 100_000, |n| map("environment", 1, |_| format!("A: {}x{}", "${A:-".repeat(n), "}".repeat(n)));
        "open variables", 200_000, |n| map("environment", 1, |_| format!("A: \"{}\"", "${A:-".repeat(n)));
        "variables beside each other", 100_000, |n| map("environment", 1, |_| format!("A: {}", "${A:-b}".repeat(n)));
        "defaults of many braces", 300_000, |n| map("environment", 1, |_| format!("A: \"{}{}\"", "${A-{".repeat(n / 4), "}".repeat(n / 4)));
        "dollars", 1 << 20, |n| map("environment", 1, |_| format!("A: {}", "$".repeat(n - 200)));
        "expansion of a large variable", 100_000, |n| {
            map("environment", 1, |_| format!("B: {}", "$A".repeat(n))).with(".env", format!("A={}", "x".repeat(n)))
        };
        "resets", 55_000, |n| web("").merged("b.yaml", format!("x-a: {{{}}}\n", lines(n, |i| format!("k{i}: !reset x, "))));
        "overrides", 40_000, |n| web("").merged("b.yaml", format!("x-a: {{{}}}\n", lines(n, |i| format!("k{i}: !override x, "))));
        "lists that are merged", 20_000, |n| {
            let options = |letter: char| lines(n, |i| format!("    - {letter}{i}\n"));
            web(&format!("    security_opt:\n{}", options('a')))
                .merged("b.yaml", format!("services:\n  web:\n    security_opt:\n{}", options('b')))
        };
        "address pools that are merged", 5000, |n| {
            let pools = || lines(n, |i| format!("    - subnet: 10.{}.{}.0/24\n", i / 256, i % 256));
            let file = || format!("services: {{web: {{image: x}}}}\nnetworks:\n  a:\n   ipam:\n    config:\n{}", pools());
            Project::of(file()).merged("b.yaml", file())
        };
        "options that mean nothing", 200_000, |n| web(&format!("    volumes:\n    - v:/a:{}\n", "x,".repeat(n)));
        "a path of many steps", 1 << 20, |n| web(&format!("    volumes:\n    - {}:/a\n", "./..".repeat(n / 5)));
        "triggers", 15_000, |n| web(&format!("    develop:\n      watch:\n{}", lines(n, |i| format!("      - {{path: p{i}, action: rebuild}}\n"))));
        "hooks of one service", 10_000, |n| list("post_start", n, |_| "{command: a}".to_owned());
        "hooks that inherit", 1000, |n| web(&format!(
            "    environment:\n{}    pre_start:\n{}", lines(n, |i| format!("      A{i}: x\n")), lines(n, |_| "    - {command: a}\n".to_owned())
        ));
    ]
}

/// Services that name each other.
fn references() -> Vec<Shape> {
    shapes![
        "services that depend on all others", 300, |n| {
            Project::of(services(n, |i| format!("image: x, depends_on: [{}]", lines(n, |j| if i == j { String::new() } else { format!("s{j},") }))))
        };
        "services that depend on all before", 300, |n| {
            Project::of(services(n, |i| format!("image: x, depends_on: [{}]", lines(i, |j| format!("s{j},")))))
        };
        "a chain of dependencies", 20_000, |n| Project::of(services(n, |i| {
            if i == 0 { "image: x".to_owned() } else { format!("image: x, depends_on: [s{}]", i - 1) }
        }));
        "a cycle of dependencies", 20_000, |n| Project::of(services(n, |i| format!("image: x, depends_on: [s{}]", (i + 1) % n)));
        "dependencies that are not there", 20_000, |n| Project::of(services(n, |i| format!("image: x, depends_on: [t{i}]")));
        "links to all others", 250, |n| Project::of(services(n, |i| {
            format!("image: x, links: [{}]", lines(n, |j| if j < i { format!("\"s{j}:a{j}\",") } else { String::new() }))
        }));
        "services in one pod", 2000, |n| Project::of(services(n, |i| {
            if i == 0 { "image: x".to_owned() } else { "image: x, network_mode: \"service:s0\"".to_owned() }
        }));
        "a chain of shared namespaces", 1000, |n| Project::of(services(n, |i| {
            if i == 0 { "image: x".to_owned() } else { format!("image: x, network_mode: \"service:s{}\"", i - 1) }
        }));
        "volumes of all others", 300, |n| Project::of(services(n, |i| {
            format!("image: x, volumes: [\"v{i}:/v{i}\"], volumes_from: [{}]", lines(i, |j| format!("s{j},")))
        }));
        "services that extend one", 20_000, |n| Project::of(services(n, |i| {
            if i == 0 { "image: x".to_owned() } else { "extends: s0".to_owned() }
        }));
        "5,000 services that extend one of 3,000", 5000, |n| {
            let variables = lines(3000, |i| format!("A{i}: x, "));
            Project::of(services(n, |i| {
                if i == 0 { format!("image: x, environment: {{{variables}}}") } else { "extends: s0".to_owned() }
            }))
        };
        "a chain of extended services", 29, |n| {
            let variables = lines(2000, |i| format!("A{i}: x, "));
            Project::of(services(n, |i| {
                if i == 0 { format!("image: x, environment: {{{variables}}}") } else { format!("extends: s{}, environment: [B{i}=x]", i - 1) }
            }))
        };
        "a long chain of extended services", 20_000, |n| Project::of(services(n, |i| {
            if i == 0 { "image: x".to_owned() } else { format!("extends: s{}", i - 1) }
        }));
        "services on all networks", 200, |n| {
            let networks = lines(n, |i| format!("n{i},"));
            Project::of(format!("{}networks: {{{}}}\n", services(n, |_| format!("image: x, networks: [{networks}]")), lines(n, |i| format!("n{i}: , "))))
        };
        "networks of two services each", 10_000, |n| {
            let networks = services(n, |i| format!("image: x, networks: [n{i}, n{}]", (i + 1) % n));
            Project::of(format!("{networks}networks: {{{}}}\n", lines(n, |i| format!("n{i}: , "))))
        };
        "aliases on one network", 30_000, |n| Project::of(format!(
            "services: {{web: {{image: x, networks: {{default: {{aliases: [{}]}}}}}}}}\n", lines(n, |i| format!("a{i},"))
        ));
        "services of one alias", 5000, |n| Project::of(services(n, |_| "image: x, networks: {default: {aliases: [a]}}".to_owned()));
        "networks without services", 30_000, |n| Project::of(format!("services: {{web: {{image: x}}}}\nnetworks: {{{}}}\n", lines(n, |i| format!("n{i}: , "))));
        "volumes without services", 30_000, |n| Project::of(format!("services: {{web: {{image: x}}}}\nvolumes: {{{}}}\n", lines(n, |i| format!("v{i}: , "))));
        "services on one volume", 5000, |n| Project::of(format!("{}volumes: {{v: }}\n", services(n, |_| "image: x, volumes: [\"v:/v\"]".to_owned())));
    ]
}

/// Many services that have nothing to do with each other.
fn services_of_many() -> Vec<Shape> {
    shapes![
        "services of one line", 40_000, |n| Project::of(services(n, |_| "image: x".to_owned()));
        "services without image", 40_000, |n| Project::of(services(n, |_| "user: x".to_owned()));
        "services with ports", 15_000, |n| Project::of(services(n, |i| format!("image: x, ports: [\"{}:80\"]", i % 60_000 + 1)));
        "services with volumes", 10_000, |n| Project::of(format!(
            "{}volumes: {{{}}}\n", services(n, |i| format!("image: x, volumes: [\"v{i}:/v\"]")), lines(n, |i| format!("v{i}: , "))
        ));
        "ordinary services", 1000, |n| Project::of(crate::project::ordinary(n));
        "services of long names", 2000, |n| Project::of(lines(1, |_| services(n, |_| "image: x".to_owned()).replace("  s", &format!("  {}", "s".repeat(400)))));
        "services of one container name", 20_000, |n| Project::of(services(n, |_| "image: x, container_name: one".to_owned()));
        "services of similar names", 15_000, |n| Project::of(services(n, |i| format!("image: x, hostname: h_{i}")).replace("  s", "  S_"));
        "replicas", 2000, |n| Project::of(services(n, |_| "image: x, deploy: {replicas: 1000000}".to_owned()));
        "version 1", 20_000, |n| Project::of(lines(n, |i| format!("s{i}: {{image: x, net: host}}\n")));
        "profiles", 15_000, |n| Project::of(services(n, |i| format!("image: x, profiles: [p{i}]")));
    ]
}

/// Several files.
fn files() -> Vec<Shape> {
    shapes![
        "a large .env", 60_000, |n| web("").with(".env", lines(n, |i| format!("A{i}=x\n")));
        "a .env that doubles", 100, |n| web("").with(".env", format!("A0={}\n{}", "x".repeat(1000), lines(n, |i| format!("A{}=$A{i}$A{i}\n", i + 1))));
        "a large env_file", 60_000, |n| web("    env_file: [a.env]\n").with("a.env", lines(n, |i| format!("A{i}=x\n")));
        "a large raw env_file", 60_000, |n| web("    env_file: [{path: a.env, format: raw}]\n").with("a.env", lines(n, |i| format!("A{i}=x\n")));
        "an env_file that many services read", 1000, |n| {
            Project::of(services(n, |_| "image: x, env_file: a.env".to_owned())).with("a.env", lines(50 * n, |i| format!("A{i}=x\n")))
        };
        "an env_file of one service, many times", 1000, |n| {
            list("env_file", n, |i| format!("{{path: {}a.env}}", "./".repeat(i % 30 + 1))).with("a.env", lines(50 * n, |i| format!("A{i}=x\n")))
        };
        "an env_file of comments that many read", 1000, |n| {
            Project::of(services(n, |_| "image: x, env_file: a.env".to_owned())).with("a.env", "# x\n".repeat(200 * n))
        };
        "a label_file that many services read", 1000, |n| {
            Project::of(services(n, |_| "image: x, label_file: a.env".to_owned())).with("a.env", lines(50 * n, |i| format!("a{i}=x\n")))
        };
        "a large secret .env and many problems", 40_000, |n| {
            let mut project = web(&lines(300, |i| format!("    imaage{i}: x\n"))).with(".env", lines(n, |i| format!("A{i}=secret-{i}\n")));
            project.files.files.get_mut(".env").unwrap().tainted = true;
            project
        };
        "an open quote in an env_file", 1 << 20, |n| web("    env_file: a.env\n").with("a.env", format!("A=\"{}", "x\n".repeat(n / 2 - 100)));
        "files that are mounted", 10_000, |n| {
            (0..n).fold(web("    volumes: [./data:/data]\n"), |project, i| project.with(&format!("data/{i}"), "x"))
        };
        "a directory that is mounted many times", 2000, |n| {
            (0..n).fold(list("volumes", n, |i| format!("./data:/data{i}")), |project, i| project.with(&format!("data/{i}"), "x"))
        };
        "a directory that many services mount", 1000, |n| {
            (0..n).fold(Project::of(services(n, |_| "image: x, volumes: [\"./data:/data\"]".to_owned())), |project, i| {
                project.with(&format!("data/{i}"), "x")
            })
        };
        "a large file that is mounted", 1 << 20, |n| web("    volumes: [./data:/data]\n").with("data", "x".repeat(n - 200));
        "a file that is included many times", 1900, |n| {
            Project::of(format!("include: [{}]\n", "a.yaml,".repeat(n))).with("a.yaml", services(100, |_| "image: x".to_owned()))
        };
        "files that are included", 1900, |n| {
            let include = Project::of(format!("include: [{}]\n", lines(n, |i| format!("f{i}.yaml,"))));
            (0..n).fold(include, |project, i| project.with(&format!("f{i}.yaml"), format!("services: {{s{i}: {{image: x}}}}")))
        };
        "a tree of includes", 20, |n| (0..n).fold(Project::of("include: [f0a.yaml, f0b.yaml]"), |project, i| {
            let next = i + 1;
            ["a", "b"].into_iter().fold(project, |project, half| {
                project.with(&format!("f{i}{half}.yaml"), format!("include: [f{next}a.yaml, f{next}b.yaml]\nservices: {{s{i}{half}: {{image: x}}}}"))
            })
        });
        "a chain of includes with a large file", 29, |n| {
            let last = services(1000, |_| "image: x".to_owned());
            (0..n).fold(Project::of("include: [f0.yaml]").with(&format!("f{n}.yaml"), last), |project, i| {
                project.with(&format!("f{i}.yaml"), format!("include: [f{}.yaml]\nservices: {{t{i}: {{image: x}}}}", i + 1))
            })
        };
        "services that extend one of a large file", 1000, |n| {
            Project::of(services(n, |i| format!("extends: {{file: a.yaml, service: s{i}}}"))).with("a.yaml", services(n, |_| "image: x".to_owned()))
        };
        "services that extend files", 1900, |n| {
            let extending = Project::of(services(n, |i| format!("extends: {{file: f{i}.yaml, service: s}}")));
            (0..n).fold(extending, |project, i| project.with(&format!("f{i}.yaml"), "services: {s: {image: x}}"))
        };
        "a chain of extended files", 29, |n| (0..n).fold(Project::of("services: {s: {extends: {file: f0.yaml, service: s}}}"), |project, i| {
            let variables = lines(500, |j| format!("A{i}_{j}: x, "));
            let next = i + 1;
            let base = format!("services: {{s: {{image: x, extends: {{file: f{next}.yaml, service: s}}, environment: {{{variables}}}}}}}");
            project.with(&format!("f{i}.yaml"), if next == n { base.replace("extends: {file", "x-a: {file") } else { base })
        });
        "files that are merged", 100, |n| {
            (1..n).fold(Project::of(services(200, |_| "image: x".to_owned())), |project, i| {
                project.merged(&format!("f{i}.yaml"), services(200, |j| format!("environment: [A{j}={i}]")))
            })
        };
    ]
}
