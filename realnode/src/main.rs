//! A real node by hand: `cargo run -p realnode -- up|down|reboot|status|env|exec|join|outside|kubectl|run|install|image|build`.
#![expect(clippy::print_stdout, reason = "a command line")]

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Parser, Subcommand};
use realnode::{Error, Layout, Node, OperatorImage, Parts};

/// A real one-node Kubernetes in namespaces of its own.
#[derive(Parser)]
#[command(name = "realnode")]
struct Arguments {
    /// Which one, where several run side by side: `default`, or for `run` one of its own.
    #[arg(long, global = true, env = "REALNODE_NAME")]
    name: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start it, and leave it running.
    Up,
    /// End it, and leave nothing of it.
    Down,
    /// Cut its power and start it again.
    Reboot,
    /// Show its node and pods.
    Status,
    /// Print what a shell evaluates to use it.
    Env,
    /// Run a program in the node: its network, mounts and processes.
    Exec(Words),
    /// Run a program in the node's network alone; a reboot of the node leaves it.
    Join(Words),
    /// Run a program on the machine beside the node, where published ports are at 10.10.0.1.
    Outside(Words),
    /// Run kubectl on it, as admin.
    Kubectl(Words),
    /// Start a node, run a program in its network, and end the node with the program.
    Run {
        /// Install the operator first.
        #[arg(long)]
        operator: bool,
        /// Put the operator's image into the node's registry first, for an operator that the program runs itself.
        #[arg(long, conflicts_with = "operator")]
        image: bool,
        /// What a shell runs while the parts of the node are built; unless it succeeds, no node is started.
        #[arg(long)]
        meanwhile: Option<String>,
        #[command(flatten)]
        words: Words,
    },
    /// Install the operator from this source tree, as its users do; with TEST_CLUSTER=current, on the cluster of the current kubeconfig.
    Install {
        /// An image that is there already, in a registry that the cluster reaches.
        #[arg(long)]
        image: Option<String>,
    },
    /// Build the operator's image, and write it as an archive.
    Image { archive: PathBuf },
    /// Only build what nodes are made of.
    Build,
    #[command(hide = true)]
    Init { settings: PathBuf },
    #[command(hide = true)]
    Keep,
}

#[derive(clap::Args)]
struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    words: Vec<String>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            let mut text = format!("error: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(Arguments { name, verb }: Arguments) -> Result<ExitCode, Error> {
    let own = || if matches!(verb, Verb::Run { .. }) { format!("run-{}", std::process::id()) } else { "default".to_owned() };
    let name = name.unwrap_or_else(own);
    match verb {
        Verb::Up => print_environment(&Node::up(&name)?),
        Verb::Down => Node::down(&name)?,
        Verb::Reboot => Node::named(&name)?.reboot()?,
        Verb::Status => {
            let node = Node::named(&name)?;
            println!("logs: {}", node.layout().directory().join("plane").display());
            return become_process(node.joined("kubectl").args(["get", "nodes,pods", "--all-namespaces", "--output=wide"]));
        }
        Verb::Env => print_environment(&Node::named(&name)?),
        Verb::Exec(Words { words }) => return become_process(Node::named(&name)?.inside(&words[0])?.args(&words[1..])),
        Verb::Join(Words { words }) => return become_process(Node::named(&name)?.joined(&words[0]).args(&words[1..])),
        Verb::Outside(Words { words }) => return become_process(Node::named(&name)?.outside(&words[0]).args(&words[1..])),
        Verb::Kubectl(Words { words }) => return become_process(Node::named(&name)?.joined("kubectl").args(words)),
        Verb::Run { operator, image, meanwhile, words: Words { words } } => {
            let image = build(operator || image, meanwhile.as_deref())?;
            return run_on_own_node(&name, image.as_ref(), operator, &words);
        }
        Verb::Install { image } => match image {
            Some(image) => realnode::install_image(&image, source())?,
            None => realnode::install(&Node::named(&name)?, &OperatorImage::build(source())?, source())?,
        },
        Verb::Image { archive } => {
            OperatorImage::build(source())?.save(&archive)?;
            println!("{}", archive.display());
        }
        Verb::Build => drop(Parts::build()?),
        Verb::Init { settings } => realnode::init(&settings)?,
        Verb::Keep => realnode::keep(&Layout::new(&name)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds all that a node is made of, and the operator's image if it is wanted, while a shell runs the other command.
fn build(image: bool, meanwhile: Option<&str>) -> Result<Option<OperatorImage>, Error> {
    realnode::prepare_machine()?;
    let failed = |source| Error::Run { program: "sh".into(), source };
    let mut shell = Command::new("sh");
    realnode::forget_cargo(&mut shell);
    let command = meanwhile.map(|line| shell.args(["-c", line]).spawn().map_err(failed)).transpose()?;
    let built = realnode::both(|| image.then(|| OperatorImage::build(source())).transpose(), Parts::build);
    if let Some(mut command) = command
        && !command.wait().map_err(failed)?.success()
    {
        return Err(Error::Meanwhile(meanwhile.unwrap_or_default().into()));
    }
    Ok(built?.0)
}

fn run_on_own_node(name: &str, image: Option<&OperatorImage>, install: bool, words: &[String]) -> Result<ExitCode, Error> {
    let node = Node::start(name)?;
    match image {
        Some(image) if install => realnode::install(&node, image, source())?,
        Some(image) => realnode::push(&node, image, source())?,
        None => {}
    }
    let failed = |source| Error::Run { program: words[0].clone(), source };
    // From now on Ctrl-C is for the program: when it has ended, in its own way, so does the node.
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::new(AtomicBool::new(false))).map_err(failed)?;
    let status = node.joined(&words[0]).args(&words[1..]).status().map_err(failed)?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// The repository that this program was built from.
fn source() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

fn print_environment(node: &Node) {
    for (name, value) in node.variables() {
        if name == "PATH" {
            println!("export PATH='{}':\"$PATH\"", node.layout().tools().display());
        } else {
            println!("export {name}='{value}'");
        }
    }
    println!("# Its addresses answer in its network: realnode join COMMAND");
}

fn become_process(command: &mut Command) -> Result<ExitCode, Error> {
    let source = command.exec();
    Err(Error::Run { program: command.get_program().to_string_lossy().into_owned(), source })
}
