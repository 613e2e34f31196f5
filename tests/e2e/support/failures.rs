//! What failed, in a few lines that stand by themselves: `make e2e` ends with them, however much was printed before.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Longest account of one failure, in bytes.
const LENGTH: usize = 6000;

/// From now on each panic is also noted in `target/tmp/e2e-failures.txt`, which is empty at first.
pub fn note() {
    let path = file();
    // A figure that is missing fails no test.
    let _ = File::create(&path);
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        let thread = std::thread::current();
        let text = panic.to_string();
        let end = text.floor_char_boundary(LENGTH);
        let more = if end < text.len() { "\n…" } else { "" };
        let name = thread.name().unwrap_or("a thread");
        if let Ok(mut file) = OpenOptions::new().append(true).open(&path) {
            let _ = writeln!(file, "FAILED {name}: {}{more}\n", &text[..end]);
        }
    }));
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-failures.txt")
}
