//! Control planes that run: their own, or the one of the current kubeconfig.

use std::ffi::OsStr;
use std::fs::{self, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use rustix::process::Pid;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::audit::AuditLog;
use crate::binaries::{self, Binaries};
use crate::error::Error;
use crate::go_build::cache_directory;
use crate::pki::Pki;
use crate::plan::{Inputs, Machine, Plan, Step, scheduler_configuration};
use crate::progress::Progress;

/// What a control plane is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many simulated nodes it has.
    pub nodes: usize,
    /// CustomResourceDefinitions that are there from the start. What is installed later is seen by the garbage collector only 30 s later.
    pub custom_resources: Vec<Value>,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 3, custom_resources: Vec::new() }
    }
}

/// Whose kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// May do everything.
    Admin,
    /// `compose-operator`: in no group, so that only what is bound to its name decides.
    Operator,
}

/// A control plane. One that this process started ends when this is dropped, or when the process ends, however it does.
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
    admin: PathBuf,
    operator: Option<PathBuf>,
    audit: Option<PathBuf>,
    kubectl: Tool,
    helm: Tool,
    life: Life,
}

/// What is to be done at the end.
#[derive(Debug)]
enum Life {
    /// Ended by closing its standard input; its last act is to remove the directory.
    Supervised(Child),
    /// Ended by [`Cluster::down`] only.
    Detached,
    /// Not ours: only the directory with our own files is removed.
    Foreign,
}

/// A program, and the arguments that come before all others.
#[derive(Debug, Clone)]
struct Tool {
    program: PathBuf,
    first: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    step: Option<String>,
    ready: bool,
    failed: Option<String>,
}

impl Cluster {
    /// The cluster that demo and tests run on: one of their own, or that of the current kubeconfig where `TEST_CLUSTER=current`.
    pub fn for_tests(options: &Options) -> Result<Self, Error> {
        match std::env::var("TEST_CLUSTER") {
            Ok(value) if value == "current" => Self::current(),
            Ok(value) if !value.is_empty() => Err(Error::UnknownTestCluster(value)),
            _ => Self::start(options),
        }
    }

    /// Starts a control plane of its own, in some 5 s once its binaries are built.
    pub fn start(options: &Options) -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let clusters = clusters_directory()?;
        sweep(&clusters);
        // The ports are free when they are looked up, and may be taken when they are bound: then once more, with others.
        let mut attempts = 3;
        loop {
            attempts -= 1;
            let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            match launch(&clusters.join(name), options, false) {
                Err(Error::Start(why)) if attempts > 0 && why.contains("address already in use") => {}
                result => return result,
            }
        }
    }

    /// The cluster of `$KUBECONFIG` or `~/.kube/config`. It has no user `compose-operator`, and an audit log where `$AUDIT_LOG` names one.
    pub fn current() -> Result<Self, Error> {
        let configured =
            std::env::var_os("KUBECONFIG").and_then(|list| std::env::split_paths(&list).next()).filter(|path| !path.as_os_str().is_empty());
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".kube/config")).filter(|path| path.is_file());
        let admin = configured.or_else(home).ok_or(Error::NoKubeconfig)?;
        let directory = clusters_directory()?.join(format!("current-{}", std::process::id()));
        fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
        let (kubectl, helm) = match (on_path("kubectl"), on_path("helm")) {
            (Some(kubectl), Some(helm)) => (kubectl, helm),
            _ => tools(&Binaries::build()?),
        };
        let audit = std::env::var_os("AUDIT_LOG").filter(|path| !path.is_empty()).map(PathBuf::from);
        Ok(Self { directory, admin, operator: None, audit, kubectl, helm, life: Life::Foreign })
    }

    /// Starts a control plane that outlives this process, until [`Cluster::down`]. One of that name that is up already is taken as it is.
    pub fn up(name: &str, options: &Options) -> Result<Self, Error> {
        match Self::named(name) {
            Err(Error::NotUp(_)) => {
                let directory = clusters_directory()?.join(name);
                drop(fs::remove_dir_all(&directory));
                launch(&directory, options, true)
            }
            result => result,
        }
    }

    /// The control plane that `up` started under this name.
    pub fn named(name: &str) -> Result<Self, Error> {
        let directory = clusters_directory()?.join(name);
        if supervisor_of(&directory).is_none() {
            return Err(Error::NotUp(name.into()));
        }
        Ok(Self::in_directory(&directory, &Binaries::build()?, Life::Detached))
    }

    /// Ends the control plane that `up` started under this name, with everything in it.
    pub fn down(name: &str) -> Result<(), Error> {
        let directory = clusters_directory()?.join(name);
        let supervisor = supervisor_of(&directory).ok_or_else(|| Error::NotUp(name.into()))?;
        let failed = |source: std::io::Error| Error::file("end the control plane in", &directory)(source);
        rustix::process::kill_process(supervisor, rustix::process::Signal::TERM).map_err(|error| failed(error.into()))?;
        // Its lock goes when it does.
        match fs::File::open(directory.join("lock")) {
            Ok(lock) => lock.lock().map_err(failed),
            Err(_) => Ok(()),
        }
    }

    fn in_directory(directory: &Path, binaries: &Binaries, life: Life) -> Self {
        let kubeconfig = |name: &str| directory.join(format!("{name}.kubeconfig"));
        let (kubectl, helm) = tools(binaries);
        Self {
            directory: directory.to_owned(),
            admin: kubeconfig("admin"),
            operator: Some(kubeconfig("compose-operator")),
            audit: Some(directory.join("audit.log")),
            kubectl,
            helm,
            life,
        }
    }

    /// The kubeconfig of the user; `None` where there is no such user.
    pub fn kubeconfig(&self, user: User) -> Option<&Path> {
        match user {
            User::Admin => Some(&self.admin),
            User::Operator => self.operator.as_deref(),
        }
    }

    /// The admin's kubeconfig.
    pub fn admin(&self) -> &Path {
        &self.admin
    }

    /// A kubeconfig for this cluster with the ServiceAccount's rights, through a token that holds for ten hours.
    pub fn service_account(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        let token = self.run(self.kubectl().args(["create", "token", name, "--namespace", namespace, "--duration=10h"]))?;
        let text = self.run(self.kubectl().args(["config", "view", "--minify", "--raw", "--flatten", "--output=json"]))?;
        let mut config: Value = serde_json::from_str(&text).map_err(|error| Error::file("read", &self.admin)(error.into()))?;
        config["users"] = json!([{"name": config["contexts"][0]["context"]["user"], "user": {"token": token.trim()}}]);
        let path = self.directory.join(format!("{namespace}-{name}.kubeconfig"));
        fs::write(&path, config.to_string()).map_err(Error::file("write", &path))?;
        Ok(path)
    }

    /// Whether the cluster was there before, and stays.
    pub fn is_foreign(&self) -> bool {
        matches!(self.life, Life::Foreign)
    }

    /// A log to read from its beginning; `None` where there is none.
    pub fn audit(&self) -> Option<AuditLog> {
        self.audit.as_deref().map(AuditLog::new)
    }

    /// `kubectl`, as admin, ready for arguments.
    pub fn kubectl(&self) -> Command {
        self.kubectl.command(&self.admin)
    }

    /// `helm`, as admin, ready for arguments.
    pub fn helm(&self) -> Command {
        self.helm.command(&self.admin)
    }

    /// Runs one of the above to its end; gives what it printed, or an error with what it complained of.
    pub fn run(&self, command: &mut Command) -> Result<String, Error> {
        let output = command.stdin(Stdio::null()).output();
        finish(command, output)
    }

    /// `kubectl apply -f -` with the manifests, as admin.
    pub fn apply(&self, manifests: &str) -> Result<String, Error> {
        let mut command = self.kubectl();
        command
            .args(["apply", "--server-side", "--force-conflicts", "--filename=-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = command.spawn().and_then(|mut child| {
            if let Some(mut input) = child.stdin.take() {
                input.write_all(manifests.as_bytes())?;
            }
            child.wait_with_output()
        });
        finish(&command, output)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        match &mut self.life {
            Life::Supervised(supervisor) => {
                drop(supervisor.stdin.take());
                let _ = supervisor.wait();
            }
            Life::Detached => {}
            Life::Foreign => drop(fs::remove_dir_all(&self.directory)),
        }
    }
}

impl Tool {
    fn command(&self, kubeconfig: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.first).env("KUBECONFIG", kubeconfig);
        command
    }
}

fn on_path(name: &str) -> Option<Tool> {
    let program = std::env::split_paths(&std::env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| path.is_file())?;
    Some(Tool { program, first: Vec::new() })
}

fn tools(binaries: &Binaries) -> (Tool, Tool) {
    let kubectl = Tool { program: binaries.controlplane.clone(), first: vec!["kubectl".into()] };
    (kubectl, Tool { program: binaries.helm.clone(), first: Vec::new() })
}

fn finish(command: &Command, output: std::io::Result<Output>) -> Result<String, Error> {
    let output = output.map_err(|source| Error::Run { program: command.get_program().into(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    Err(Error::Command { command: words.join(" "), output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

fn clusters_directory() -> Result<PathBuf, Error> {
    Ok(cache_directory()?.join("clusters"))
}

/// Removes what control planes left that were killed together with their supervisor (a machine that lost power). In use is what is locked, or so
/// young that its supervisor may still be starting.
fn sweep(clusters: &Path) {
    let old = |path: &Path| {
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        modified.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|age| age > Duration::from_mins(2))
    };
    let free = |path: &Path| supervisor_of(path).is_none();
    for entry in fs::read_dir(clusters).into_iter().flatten().flatten() {
        let path = entry.path();
        if old(&path) && free(&path) {
            drop(fs::remove_dir_all(&path));
        }
    }
}

/// The supervisor whose control plane is in the directory, if it lives: it holds the lock there, and its process id is the lock's content.
fn supervisor_of(directory: &Path) -> Option<Pid> {
    let lock = directory.join("lock");
    match fs::File::open(&lock).ok()?.try_lock() {
        Err(TryLockError::WouldBlock) => Pid::from_raw(fs::read_to_string(&lock).ok()?.trim().parse().ok()?),
        _ => None,
    }
}

/// Ports that nobody listens on now, all different.
fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    let mut ports = [0; N];
    let mut listeners = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Port)?;
        *port = listener.local_addr().map_err(Error::Port)?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::file("write", path))
}

fn launch(directory: &Path, options: &Options, detached: bool) -> Result<Cluster, Error> {
    let binaries = Binaries::build()?;
    let kwok = (options.nodes > 0).then(binaries::kwok).transpose()?;
    let mut progress = Progress::new();
    fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    let [api_port, etcd_port] = free_ports()?;
    let pki = Pki::create(&directory.join("pki"))?;
    let inputs = Inputs {
        binaries: &binaries,
        kwok: kwok.as_deref(),
        pki: &pki,
        directory,
        detached,
        nodes: options.nodes,
        api_port,
        etcd_port,
        custom_resources: &options.custom_resources,
        machine: None,
    };
    prepare(&inputs)?;
    let supervisor = supervise(&binaries, directory, detached, &mut progress)?;
    progress.done(&format!("control plane at {}, {} simulated nodes", inputs.server(), options.nodes));
    let life = if detached { Life::Detached } else { Life::Supervised(supervisor) };
    Ok(Cluster::in_directory(directory, &binaries, life))
}

/// Writes all files that the control plane is started from.
fn prepare(inputs: &Inputs) -> Result<(), Error> {
    let Inputs { directory, pki, .. } = inputs;
    pki.serve(inputs.machine.map_or(Ipv4Addr::LOCALHOST, |machine| machine.address))?;
    pki.service_accounts()?;
    let address = inputs.server();
    let user =
        |user: &str, file: &str, groups: &[&str]| pki.user(user, file, groups, &address, &directory.join(format!("{file}.kubeconfig")));
    user("admin", "admin", &["system:masters"])?;
    user("kwok", "kwok", &["system:masters"])?;
    user("system:kube-controller-manager", "kube-controller-manager", &[])?;
    user("system:kube-scheduler", "kube-scheduler", &[])?;
    user("compose-operator", "compose-operator", &[])?;
    for further in inputs.machine.iter().flat_map(|machine| &machine.users) {
        user(further.name, further.kubeconfig, further.groups)?;
    }
    write(&directory.join("audit-policy.yaml"), include_str!("../audit-policy.yaml"))?;
    write(&directory.join("stages.yaml"), include_str!("../stages.yaml"))?;
    write(&directory.join("scheduler.json"), &scheduler_configuration(directory).to_string())?;
    write_plan(directory, &Plan::new(inputs))
}

fn write_plan(directory: &Path, plan: &Plan) -> Result<(), Error> {
    let text = serde_json::to_string(plan).map_err(|error| Error::file("write", directory)(error.into()))?;
    write(&directory.join("plan.json"), &text)
}

/// Writes into the directory all that a machine's control plane is started from: `controlplane supervise plan.json` there starts it, in
/// whichever network the machine has, with ports that are the same on every machine.
pub fn prepare_machine(directory: &Path, machine: &Machine) -> Result<(), Error> {
    let binaries = Binaries::build()?;
    fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    let pki = Pki::create(&directory.join("pki"))?;
    prepare(&Inputs {
        binaries: &binaries,
        kwok: None,
        pki: &pki,
        directory,
        detached: true,
        nodes: 0,
        api_port: 6443,
        etcd_port: 2379,
        custom_resources: &[],
        machine: Some(machine),
    })
}

/// Writes into the directory a plan of these steps alone, without a control plane.
pub fn prepare_steps(directory: &Path, steps: Vec<Step>) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    write_plan(directory, &Plan::bare(directory, steps))
}

/// Starts the supervisor and waits until it has carried out its plan.
fn supervise(binaries: &Binaries, directory: &Path, detached: bool, progress: &mut Progress) -> Result<Child, Error> {
    let mut command = Command::new(&binaries.controlplane);
    command.arg("supervise").arg(directory.join("plan.json")).stdout(Stdio::piped()).stderr(Stdio::null());
    command.stdin(if detached { Stdio::null() } else { Stdio::piped() });
    // Out of the terminal's foreground group: Ctrl-C is for the owner, and the supervisor ends when the owner has.
    command.process_group(0);
    let mut supervisor = command.spawn().map_err(|source| Error::Run { program: binaries.controlplane.clone(), source })?;
    let mut reports = supervisor.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
    loop {
        let line = reports.next().ok_or_else(|| Error::Start("its supervisor ended".into()))?;
        let report: Report = serde_json::from_str(&line).unwrap_or_default();
        if let Some(why) = report.failed {
            drop(supervisor.stdin.take());
            let _ = supervisor.wait();
            return Err(Error::Start(why));
        }
        if let Some(step) = report.step {
            progress.passing(&format!("starting the control plane: {step}"));
        }
        if report.ready {
            break;
        }
    }
    if !detached {
        std::thread::spawn(move || mourn(reports));
    }
    Ok(supervisor)
}

/// What is said after the start is said about an end.
fn mourn(reports: impl Iterator<Item = String>) {
    for line in reports {
        if let Some(why) = serde_json::from_str::<Report>(&line).unwrap_or_default().failed {
            let _ = writeln!(std::io::stderr(), "the control plane is gone: {why}");
        }
    }
}
