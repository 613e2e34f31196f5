//! A program in a container on this process's standard streams, and on its terminal where there is one.

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::cli::error::Error;
use crate::cluster::session::exec::{End, Process, Sizes};

/// How long output is waited for after the connection broke.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Exit code of a program that nobody listens to any more: 128 and SIGPIPE.
pub const BROKEN_PIPE: u8 = 141;
/// Bytes that are read at once.
const CHUNK: usize = 32 << 10;

/// Whether there is a terminal to show a program on.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// A terminal that gives every key to the program, until this is dropped.
struct Raw {
    before: Termios,
}

impl Raw {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Connects a program to the standard streams, and waits for its end.
pub async fn show(mut process: Process, tty: bool) -> Result<End, Error> {
    let raw = if tty { Some(Raw::enter().map_err(Error::Terminal)?) } else { None };
    let sizes = process.sizes();
    let (stdin, stdout, stderr) = (process.stdin(), process.stdout(), process.stderr());
    let mut end = std::pin::pin!(process.end());
    // One who reads no more of it, as `head`, has seen enough.
    let mut output = std::pin::pin!(async { tokio::try_join!(pass(stdout, tokio::io::stdout()), pass(stderr, tokio::io::stderr())) });
    let input = async {
        if let Some(stdin) = stdin {
            feed(stdin).await;
        }
        // Its end isn't the program's.
        std::future::pending::<()>().await;
    };
    let mut is_silent = false;
    let found = {
        let mut beside = std::pin::pin!(async { tokio::join!(input, resize(sizes)) });
        loop {
            tokio::select! {
                found = &mut end => break found,
                passed = &mut output, if !is_silent => {
                    is_silent = true;
                    if passed.is_err() {
                        break Some(End::Exited(BROKEN_PIPE.into()));
                    }
                }
                _ = &mut beside => {}
            }
        }
    };
    if !is_silent {
        match found {
            Some(_) => drop(output.await),
            None => drop(tokio::time::timeout(LAST_WORDS, output).await),
        }
    }
    drop(raw);
    Ok(match found {
        Some(end) => end,
        None => End::Failed(process.broken().await),
    })
}

/// Passes a program's output on, unless nobody takes it.
async fn pass(from: Option<impl AsyncRead + Unpin>, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
    Ok(())
}

/// Passes standard input on, and its end.
async fn feed(mut to: impl AsyncWrite + Unpin) {
    let mut chunks = input();
    while let Some(chunk) = chunks.recv().await {
        if to.write_all(&chunk).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// What comes on standard input. It is read by a thread that nobody waits for: a read can't be given up.
fn input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            match io::stdin().read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count @ 1..) if sender.blocking_send(buffer[..count].to_vec()).is_ok() => {}
                _ => return,
            }
        }
    });
    receiver
}

/// Tells the program the terminal's size, now and whenever it changes.
async fn resize(sizes: Option<Sizes>) {
    if let (Some(mut sizes), Ok(mut changes)) = (sizes, signal(SignalKind::window_change())) {
        loop {
            if let Ok(size) = tcgetwinsize(io::stdout()) {
                sizes.tell(size.ws_col, size.ws_row).await;
            }
            if changes.recv().await.is_none() {
                break;
            }
        }
    }
}
