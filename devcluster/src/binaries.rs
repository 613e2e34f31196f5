//! The Go binaries, built once into the user's cache directory.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::progress::Progress;

/// What the control plane consists of.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl and the supervisor, by the first argument.
    pub controlplane: PathBuf,
    /// The simulated nodes. A binary of its own, because its flags clash with those of Kubernetes.
    pub kwok: PathBuf,
    pub helm: PathBuf,
}

/// Name and package of each binary, in the order in which they are built.
const PACKAGES: [(&str, &str); 3] =
    [("controlplane", "./cmd/controlplane"), ("kwok", "sigs.k8s.io/kwok/cmd/kwok"), ("helm", "helm.sh/helm/v4/cmd/helm")];

/// Kubernetes' own build stamps its version in; without it the API server and kubectl call themselves v0.0.0.
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 -X k8s.io/component-base/version.gitTreeState=clean";

impl Binaries {
    /// Takes the binaries from the cache, or builds them into it: some four minutes on two cores, with progress on standard error. Processes that
    /// ask at the same time wait for one build.
    pub fn build() -> Result<Self, Error> {
        let cache = cache_directory()?;
        let directory = cache.join(key()?);
        let binaries = Self::within(&directory);
        if binaries.exist() {
            return Ok(binaries);
        }
        fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
        let _lock = lock(&cache.join("build.lock"))?;
        if !binaries.exist() {
            compile(&cache, &directory)?;
        }
        Ok(binaries)
    }

    fn within(directory: &Path) -> Self {
        Self { controlplane: directory.join("controlplane"), kwok: directory.join("kwok"), helm: directory.join("helm") }
    }

    fn exist(&self) -> bool {
        [&self.controlplane, &self.kwok, &self.helm].iter().all(|path| path.is_file())
    }
}

/// `$XDG_CACHE_HOME/compose-operator`, which `cargo clean` doesn't empty.
pub(crate) fn cache_directory() -> Result<PathBuf, Error> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))).ok_or(Error::NoCache)?;
    Ok(base.join("compose-operator"))
}

fn module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go")
}

fn go(arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    command.args(arguments).current_dir(module()).env("CGO_ENABLED", "0").stdin(Stdio::null());
    command
}

fn run_go(arguments: &[&str]) -> Result<String, Error> {
    let output = go(arguments).output().map_err(Error::NoGo)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Build { command: format!("go {}", arguments.join(" ")), output })
    }
}

/// A name for what the binaries are built from: sources, versions of all modules, toolchain, flags.
fn key() -> Result<String, Error> {
    let module = module();
    let mut sources = vec![module.join("go.mod"), module.join("go.sum")];
    let commands = module.join("cmd/controlplane");
    for entry in fs::read_dir(&commands).map_err(Error::file("list", &commands))? {
        sources.push(entry.map_err(Error::file("list", &commands))?.path());
    }
    sources.sort();
    let mut hash = Sha256::new();
    hash.update(run_go(&["version"])?);
    hash.update(LINKER_FLAGS);
    for source in sources {
        hash.update(fs::read(&source).map_err(Error::file("read", &source))?);
    }
    let digest = hash.finalize();
    Ok(format!("{:016x}", digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte))))
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            Progress::new().step("another process is building the control plane: waiting for it");
            file.lock().map_err(Error::file("lock", path))?;
        }
        Err(TryLockError::Error(source)) => return Err(Error::file("lock", path)(source)),
    }
    Ok(file)
}

/// Builds into a directory beside the final one and renames it at the end, so that what has the final name is whole.
fn compile(cache: &Path, directory: &Path) -> Result<(), Error> {
    let mut progress = Progress::new();
    let steps = PACKAGES.len() + 1;
    let label = format!("building the control plane, once: some 4 minutes on 2 cores. 1 of {steps}: downloading Go modules");
    progress.step(&label);
    // Looks at every package, and prints none.
    let mut look = vec!["list", "-deps", "-f", "{{if false}}{{end}}"];
    look.extend(PACKAGES.map(|(_, package)| package));
    follow(&look, |done| progress.update(&format!("{label}, {done} so far")))?;
    let unfinished = cache.join("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(&unfinished).map_err(Error::file("create", &unfinished))?;
    for (index, (name, package)) in PACKAGES.iter().enumerate() {
        let total = run_go(&["list", "-deps", package])?.lines().count();
        let label = format!("building the control plane, {} of {steps}: {name}", index + 2);
        progress.step(&label);
        compile_one(package, &unfinished.join(name), |done| {
            progress.update(&format!("{label}, {done} of at most {total} packages"));
        })?;
    }
    let _ = fs::remove_dir_all(directory);
    fs::rename(&unfinished, directory).map_err(Error::file("rename", &unfinished))?;
    progress.done(&format!("built the control plane into {}", directory.display()));
    Ok(())
}

fn compile_one(package: &str, target: &Path, on_package: impl FnMut(usize)) -> Result<(), Error> {
    let target = target.to_string_lossy();
    follow(&["build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", LINKER_FLAGS, "-o", &target, package], on_package)
}

/// Runs go and counts the lines that it says on standard error.
fn follow(arguments: &[&str], mut on_line: impl FnMut(usize)) -> Result<(), Error> {
    let mut child = go(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(Error::NoGo)?;
    let mut output = Vec::new();
    if let Some(stream) = child.stderr.take() {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            output.push(line);
            on_line(output.len());
        }
    }
    let status = child.wait().map_err(Error::NoGo)?;
    if status.success() {
        return Ok(());
    }
    let last = output.len().saturating_sub(20);
    Err(Error::Build { command: format!("go {}", arguments.join(" ")), output: output[last..].join("\n") })
}
