//! Go programs, built once into the user's cache directory.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::progress::Progress;

/// Programs of one Go module.
#[derive(Debug, Clone, Copy)]
pub struct GoBuild<'a> {
    /// What is being built, in words.
    pub what: &'a str,
    /// How long that takes, in words.
    pub expected: &'a str,
    /// The directory with go.mod.
    pub module: &'a Path,
    /// Name and package of each program, in the order in which they are built.
    pub packages: &'a [(&'a str, &'a str)],
    pub linker_flags: &'a str,
    pub tags: &'a str,
}

impl GoBuild<'_> {
    /// The directory in the cache that has the programs under their names, built if they weren't there, with progress on standard error.
    /// Processes that ask at the same time wait for one build.
    pub fn into_cache(&self) -> Result<PathBuf, Error> {
        let cache = cache_directory()?;
        let directory = cache.join(self.key()?);
        let exist = || self.packages.iter().all(|(name, _)| directory.join(name).is_file());
        if exist() {
            return Ok(directory);
        }
        fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
        let _lock = lock(&cache.join("build.lock"))?;
        if !exist() {
            self.compile(&cache, &directory)?;
        }
        Ok(directory)
    }

    fn go(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("go");
        command.args(arguments).current_dir(self.module).env("CGO_ENABLED", "0").stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        let output = self.go(arguments).output().map_err(Error::NoGo)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(Error::Build { command: format!("go {}", arguments.join(" ")), output })
        }
    }

    /// A name for what the programs are built from: sources, versions of all modules, toolchain, flags.
    fn key(&self) -> Result<String, Error> {
        let mut hash = Sha256::new();
        hash.update(self.run(&["version"])?);
        hash.update(self.linker_flags);
        hash.update(self.tags);
        for (name, package) in self.packages {
            hash.update(name);
            hash.update(package);
        }
        for source in sources(self.module)? {
            hash.update(fs::read(&source).map_err(Error::file("read", &source))?);
        }
        let digest = hash.finalize();
        Ok(format!("{:016x}", digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte))))
    }

    /// Builds into a directory beside the final one and renames it at the end, so that what has the final name is whole.
    fn compile(&self, cache: &Path, directory: &Path) -> Result<(), Error> {
        let mut progress = Progress::new();
        let (what, steps) = (self.what, self.packages.len() + 1);
        let label = format!("building {what}, once: {}. 1 of {steps}: downloading Go modules", self.expected);
        progress.step(&label);
        // Looks at every package, and prints none.
        let mut look = vec!["list", "-deps", "-tags", self.tags, "-f", "{{if false}}{{end}}"];
        look.extend(self.packages.iter().map(|(_, package)| package));
        self.follow(&look, |done| progress.update(&format!("{label}, {done} so far")))?;
        let unfinished = cache.join("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished).map_err(Error::file("create", &unfinished))?;
        for (index, (name, package)) in self.packages.iter().enumerate() {
            let total = self.run(&["list", "-deps", "-tags", self.tags, package])?.lines().count();
            let label = format!("building {what}, {} of {steps}: {name}", index + 2);
            progress.step(&label);
            self.compile_one(package, &unfinished.join(name), |done| {
                progress.update(&format!("{label}, {done} of at most {total} packages"));
            })?;
        }
        let _ = fs::remove_dir_all(directory);
        fs::rename(&unfinished, directory).map_err(Error::file("rename", &unfinished))?;
        progress.done(&format!("built {what} into {}", directory.display()));
        Ok(())
    }

    fn compile_one(&self, package: &str, target: &Path, on_package: impl FnMut(usize)) -> Result<(), Error> {
        let (flags, tags, target) = (self.linker_flags, self.tags, target.to_string_lossy());
        self.follow(&["build", "-v", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", flags, "-o", &target, package], on_package)
    }

    /// Runs go and counts the lines that it says on standard error.
    fn follow(&self, arguments: &[&str], mut on_line: impl FnMut(usize)) -> Result<(), Error> {
        let mut child = self.go(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(Error::NoGo)?;
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
}

/// Tests aren't part of the programs.
fn is_test(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with("_test.go"))
}

/// go.mod, go.sum and every Go file of the module, sorted.
fn sources(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::file("list", directory))? {
        let path = entry.map_err(Error::file("list", directory))?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| ["go", "mod", "sum"].iter().any(|known| extension == *known)) && !is_test(&path)
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// `$XDG_CACHE_HOME/compose-operator`, which `cargo clean` doesn't empty.
pub fn cache_directory() -> Result<PathBuf, Error> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))).ok_or(Error::NoCache)?;
    Ok(base.join("compose-operator"))
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            Progress::new().step("another process is building Go programs: waiting for it");
            file.lock().map_err(Error::file("lock", path))?;
        }
        Err(TryLockError::Error(source)) => return Err(Error::file("lock", path)(source)),
    }
    Ok(file)
}
