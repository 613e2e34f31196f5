use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Lines on standard error about something that takes time: one that is rewritten on a terminal, else a new one now and then.
pub struct Progress {
    terminal: bool,
    began: Instant,
    written: Option<Instant>,
}

/// Where there is no terminal, a step that takes long is heard of this often.
const QUIET: Duration = Duration::from_secs(30);

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Its time runs from now on.
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), began: Instant::now(), written: None }
    }

    /// A new step: always shown.
    pub fn step(&mut self, text: &str) {
        self.written = None;
        self.update(text);
    }

    /// The same step, further on: shown where it replaces the line before, or when nothing has been said for long.
    pub fn update(&mut self, text: &str) {
        let seconds = self.began.elapsed().as_secs();
        if self.terminal {
            self.print(&format!("\r\x1b[K{text} ({seconds} s)"));
        } else if self.written.is_none_or(|at| at.elapsed() >= QUIET) {
            self.print(&format!("{text} ({seconds} s)\n"));
        }
    }

    /// Something passing, worth seeing only where it goes away again.
    pub fn passing(&mut self, text: &str) {
        if self.terminal {
            self.update(text);
        }
    }

    /// The last line.
    pub fn done(&mut self, text: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        self.print(&format!("{clear}{text} ({:.1} s)\n", self.began.elapsed().as_secs_f32()));
    }

    // The raw stream: the test harness captures the `eprint` macros, and a build of minutes would then look like a hang.
    fn print(&mut self, text: &str) {
        self.written = Some(Instant::now());
        let mut stream = std::io::stderr().lock();
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }
}
