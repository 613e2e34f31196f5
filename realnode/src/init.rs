//! The first process of a node: makes the mounts, starts the supervisor of all others, and buries the orphans.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, WaitOptions, wait};

use crate::boot::Boot;
use crate::error::Error;
use crate::shell;

/// Where Kubernetes' host path provisioner makes its directories; it is compiled in.
pub const VOLUMES: &str = "/tmp/hostpath_pv";

/// Runs until the supervisor ends, which is when a part of the node has.
pub fn init(settings: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(settings).map_err(Error::file("read", settings))?;
    let boot: Boot = serde_json::from_str(&text).map_err(|error| Error::file("read", settings)(error.into()))?;
    mount(&boot)?;
    for (setting, value) in &boot.kernel {
        fs::write(setting, value).map_err(Error::file("write", setting))?;
    }
    open_volumes()?;
    let supervisor = Command::new(&boot.supervisor).arg("supervise").arg(&boot.plan).spawn();
    let supervisor = supervisor.map_err(|source| Error::Run { program: boot.supervisor.display().to_string(), source })?;
    bury_until(supervisor.id())
}

fn mount(boot: &Boot) -> Result<(), Error> {
    for arguments in &boot.mounts {
        shell::run(Command::new("mount").args(arguments))?;
    }
    for directory in &boot.directories {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    }
    // Last, as mounts of pods have to be seen by kubelet, containerd and containers alike.
    shell::run(Command::new("mount").args(["--make-rshared", "/"]))?;
    Ok(())
}

/// The provisioner makes directories that only root may write to; volumes of other provisioners are everybody's.
#[cfg(target_os = "linux")]
fn open_volumes() -> Result<(), Error> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use rustix::fs::inotify;

    let failed = |error: rustix::io::Errno| Error::file("watch", VOLUMES)(error.into());
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).map_err(failed)?;
    inotify::add_watch(&watch, VOLUMES, inotify::WatchFlags::CREATE).map_err(failed)?;
    std::thread::spawn(move || {
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 4096];
        let mut events = inotify::Reader::new(&watch, &mut buffer);
        while let Ok(event) = events.next() {
            if let Some(name) = event.file_name() {
                let path = Path::new(VOLUMES).join(name.to_string_lossy().as_ref());
                drop(fs::set_permissions(path, Permissions::from_mode(0o777)));
            }
        }
    });
    Ok(())
}

/// There are no nodes elsewhere, but there this says so.
#[cfg(not(target_os = "linux"))]
fn open_volumes() -> Result<(), Error> {
    Err(Error::NotRoot)
}

/// Waits for every process that ends, so that none stays a zombie, until that one does.
fn bury_until(process: u32) -> Result<(), Error> {
    let supervisor = i32::try_from(process).ok().and_then(Pid::from_raw);
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, _))) if Some(ended) == supervisor => return Err(Error::Start("its supervisor ended".into())),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::file("wait for", "processes")(error.into())),
        }
    }
}
