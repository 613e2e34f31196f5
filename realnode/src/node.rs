//! A node's life: up, power cut, down.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use devcluster::Progress;
use rustix::process::Pid;
use serde::Deserialize;

use crate::boot::{Boot, MOUNT_POINTS};
use crate::cgroups;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::layout::Layout;
use crate::machine;
use crate::network;
use crate::parts::Parts;
use crate::plan;
use crate::processes;
use crate::shell;
use crate::template::{self, Template};

/// A node that is up.
#[derive(Debug)]
pub struct Node {
    layout: Layout,
    /// Takes it down when this process ends; a node without one stays.
    keeper: Option<Keeper>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    step: Option<String>,
    ready: bool,
    failed: Option<String>,
}

impl Node {
    /// Starts a node that outlives this process, until [`Node::down`]. One of that name that is up already is taken as it is.
    pub fn up(name: &str) -> Result<Self, Error> {
        match Self::named(name) {
            Err(Error::NotUp(_)) => {
                let mut node = Self::start(name)?;
                if let Some(keeper) = node.keeper.take() {
                    keeper.dismiss();
                }
                Ok(node)
            }
            result => result,
        }
    }

    /// Starts a node that is taken down when this is dropped, or when this process ends, however it does.
    pub fn start(name: &str) -> Result<Self, Error> {
        let layout = Layout::new(name)?;
        if processes::first(&layout).is_some() {
            return Err(Error::Up(name.into()));
        }
        let parts = Parts::build()?;
        let template = Template::build(&parts)?;
        sweep(&layout)?;
        let keeper = Keeper::hire(&layout)?;
        let _lock = lock(&layout)?;
        // What a machine that lost its power has left of it.
        clear(&layout)?;
        let mut progress = Progress::new();
        progress.passing("starting the node: its disk");
        lay_out(&layout)?;
        install_tools(&layout, &parts)?;
        devcluster::prepare_machine(&layout.plane(), &plan::machine(&layout, &parts))?;
        let snapshots = template.copy_to(&layout)?;
        write_boot(&layout, &Boot::new(&layout, &parts.binaries.controlplane, template.directory(), &snapshots))?;
        network::create(&layout)?;
        boot(&layout, &mut progress)?;
        progress.done(&format!("the node `{name}` is up"));
        Ok(Self { layout, keeper: Some(keeper) })
    }

    /// The node that [`Node::up`] started under this name.
    pub fn named(name: &str) -> Result<Self, Error> {
        let layout = Layout::new(name)?;
        match processes::first(&layout) {
            Some(_) => Ok(Self { layout, keeper: None }),
            None => Err(Error::NotUp(name.into())),
        }
    }

    /// Takes down the node of that name, or what is left of it.
    pub fn down(name: &str) -> Result<(), Error> {
        take_down(&Layout::new(name)?)
    }

    /// A power cut, and the start after it. The network's cables stay, as do processes that were only joined to it.
    pub fn reboot(&self) -> Result<(), Error> {
        let _lock = lock(&self.layout)?;
        let mut progress = Progress::new();
        progress.passing("rebooting the node");
        if let Some(process) = processes::first(&self.layout) {
            processes::cut_power(process)?;
        }
        cgroups::remove(&self.layout)?;
        network::forget(&self.layout)?;
        boot(&self.layout, &mut progress)?;
        progress.done("the node has rebooted");
        Ok(())
    }

    /// What it is called and where it is.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Runs a program in the node: its network, mounts and processes.
    pub fn inside(&self, program: &str) -> Result<Command, Error> {
        let first = processes::first(&self.layout).ok_or_else(|| Error::NotUp(self.layout.name().into()))?;
        let mut command = Command::new("nsenter");
        command.args(["--target", &number(first), "--mount", "--net", "--pid"]);
        let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        command.arg(format!("--wd={}", directory.display())).arg("--").arg(program);
        self.equip(&mut command);
        Ok(command)
    }

    /// Runs a program in the node's network alone; it outlives a power cut.
    pub fn joined(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.layout.namespace())).arg("--").arg(program);
        self.equip(&mut command);
        command
    }

    /// Runs a program on the machine beside the node.
    pub fn outside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.layout.outside())).arg("--").arg(program);
        self.equip(&mut command);
        command
    }

    /// Variables by which programs find the node.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut path = vec![self.layout.tools()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(path).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
        vec![
            ("KUBECONFIG", self.layout.kubeconfig().display().to_string()),
            ("REALNODE", executable),
            ("REALNODE_NAME", self.layout.name().to_owned()),
            ("AUDIT_LOG", self.layout.audit_log().display().to_string()),
            ("REGISTRY", plan::registry()),
            ("PATH", path),
        ]
    }

    fn equip(&self, command: &mut Command) {
        shell::forget_cargo(command);
        command.envs(self.variables());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            // It knows how.
            drop(keeper);
        }
    }
}

/// Ends the node and leaves nothing of it; what isn't there is no error.
pub fn take_down(layout: &Layout) -> Result<(), Error> {
    let _lock = lock(layout)?;
    clear(layout)?;
    drop(fs::remove_file(layout.lock()));
    tidy_machine(layout)
}

fn clear(layout: &Layout) -> Result<(), Error> {
    if let Some(process) = processes::first(layout) {
        processes::cut_power(process)?;
    }
    processes::end_joined(layout);
    network::remove(layout);
    cgroups::remove(layout)?;
    match fs::remove_dir_all(layout.directory()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", layout.directory())(error)),
        _ => Ok(()),
    }
}

/// Takes down the nodes whose owner was killed together with their keeper: they are named after processes that are no more.
fn sweep(layout: &Layout) -> Result<(), Error> {
    let gone = |name: &str| {
        let process = name.strip_prefix("run-").or_else(|| name.strip_prefix("template-"))?.parse::<u32>().ok()?;
        (!Path::new("/proc").join(process.to_string()).exists()).then(|| Layout::new(name))
    };
    for left in names(layout).iter().filter_map(|name| gone(name)) {
        take_down(&left?)?;
    }
    Ok(())
}

/// Names of the nodes that have something on this machine.
fn names(layout: &Layout) -> Vec<String> {
    let entries = fs::read_dir(layout.nodes()).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// After the last node the machine is as it was before the first.
fn tidy_machine(layout: &Layout) -> Result<(), Error> {
    let _machine = machine::lock(layout)?;
    if names(layout).is_empty() {
        machine::restore(layout);
        for mount_point in MOUNT_POINTS {
            // Only what is empty goes.
            drop(fs::remove_dir(mount_point));
        }
    }
    Ok(())
}

/// Starts a node that pulls images and has no Kubernetes; gives back when they are there.
pub fn start_template(layout: &Layout, parts: &Parts) -> Result<(), Error> {
    let keeper = Keeper::hire(layout)?;
    lay_out(layout)?;
    template::prepare(layout, parts)?;
    network::create(layout)?;
    boot(layout, &mut Progress::new())?;
    keeper.dismiss();
    Ok(())
}

fn lock(layout: &Layout) -> Result<File, Error> {
    fs::create_dir_all(layout.nodes()).map_err(Error::file("create", layout.nodes()))?;
    let file = File::create(layout.lock()).map_err(Error::file("create", layout.lock()))?;
    file.lock().map_err(Error::file("lock", layout.lock()))?;
    Ok(file)
}

/// The node's directories, its settings, and what its mounts need on the machine.
fn lay_out(layout: &Layout) -> Result<(), Error> {
    let _machine = machine::lock(layout)?;
    machine::remember(layout)?;
    let own = ["cgroup", "volumes", "cni", "log", "kubelet", "bin", "containerd"].map(|name| layout.directory().join(name));
    for directory in own.into_iter().chain(MOUNT_POINTS.map(PathBuf::from)) {
        fs::create_dir_all(&directory).map_err(Error::file("create", directory))?;
    }
    for (path, text) in plan::settings(layout) {
        write(&path, &text)?;
    }
    Ok(())
}

/// kubectl, helm and ctr, for those who run in the node.
fn install_tools(layout: &Layout, parts: &Parts) -> Result<(), Error> {
    let kubectl = layout.tools().join("kubectl");
    write(&kubectl, &format!("#!/bin/sh\nexec '{}' kubectl \"$@\"\n", parts.binaries.controlplane.display()))?;
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).map_err(Error::file("make executable", kubectl))?;
    for (name, program) in [("helm", &parts.binaries.helm), ("ctr", &parts.programs.containerd.join("ctr"))] {
        let link = layout.tools().join(name);
        symlink(program, &link).map_err(Error::file("link", link))?;
    }
    Ok(())
}

pub fn write_boot(layout: &Layout, boot: &Boot) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(boot).map_err(|error| Error::file("write", boot_file(layout))(error.into()))?;
    write(&boot_file(layout), &text)
}

fn boot_file(layout: &Layout) -> PathBuf {
    layout.directory().join("boot.json")
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    }
    fs::write(path, text).map_err(Error::file("write", path))
}

/// Starts the node's first process, and waits until all is up.
fn boot(layout: &Layout, progress: &mut Progress) -> Result<(), Error> {
    cgroups::create(layout)?;
    let failed = |source| Error::Run { program: "nsenter".into(), source };
    let log = layout.directory().join("init.log");
    let complaints = File::create(&log).map_err(Error::file("create", &log))?;
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{}", layout.namespace()));
    command.args(["--", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--"]);
    command.arg(std::env::current_exe().map_err(failed)?).arg("init").arg(boot_file(layout));
    // Out of the terminal's foreground group: Ctrl-C is for the owner.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(complaints).process_group(0);
    let child = command.spawn().map_err(failed)?;
    listen(child, &log, progress)
}

/// Follows the reports of the node's supervisor until it is ready.
fn listen(mut child: Child, log: &Path, progress: &mut Progress) -> Result<(), Error> {
    let mut reports = child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
    loop {
        let Some(line) = reports.next() else {
            let _ = child.wait();
            return Err(Error::Start(fs::read_to_string(log).unwrap_or_default().trim().to_owned()));
        };
        let report: Report = serde_json::from_str(&line).unwrap_or_default();
        if let Some(why) = report.failed {
            return Err(Error::Start(why));
        }
        if let Some(step) = report.step {
            progress.passing(&format!("starting the node: {step}"));
        }
        if report.ready {
            return Ok(());
        }
    }
}

fn number(process: Pid) -> String {
    process.as_raw_nonzero().to_string()
}
