//! The keeper of a node: a process that takes it down when its owner ends, however that ends.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::error::Error;
use crate::layout::Layout;
use crate::node;

/// The owner's end. When it is dropped without [`Keeper::dismiss`], the node is taken down.
#[derive(Debug)]
pub struct Keeper {
    process: Child,
}

impl Keeper {
    /// Sets one on the node, before there is anything of it.
    pub fn hire(layout: &Layout) -> Result<Self, Error> {
        let failed = |source| Error::Run { program: "the node's keeper".into(), source };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        // Out of the terminal's foreground group: Ctrl-C is for the owner.
        command.args(["keep", "--name", layout.name()]).stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        Ok(Self { process: command.spawn().map_err(failed)? })
    }

    /// The node stays, or is down already.
    pub fn dismiss(mut self) {
        if let Some(mut input) = self.process.stdin.take() {
            let _ = input.write_all(b"x");
        }
        let _ = self.process.wait();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// What the keeper does: waits for a word or for the end of its owner.
pub fn keep(layout: &Layout) -> Result<(), Error> {
    let mut word = [0];
    match std::io::stdin().read(&mut word) {
        Ok(1) => Ok(()),
        _ => node::take_down(layout),
    }
}
