//! How lines of many containers come to one output: each with whose it is, and whole.

use tokio::io::{self, AsyncWrite, AsyncWriteExt};

use super::lines::Piece;

/// Docker compose's colours, in its order.
const COLORS: [&str; 10] = ["36", "33", "32", "35", "34", "96", "93", "92", "95", "94"];

/// What lines look like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whose they are, before each.
    pub prefix: bool,
    pub color: bool,
    pub timestamps: bool,
}

/// Prints the lines of sources.
pub struct Printer<W> {
    out: W,
    style: Style,
    sources: usize,
    /// Length of the longest name.
    width: usize,
    /// The source whose line hasn't ended.
    open: Option<usize>,
}

/// One whose lines are printed.
pub struct Source {
    name: String,
    number: usize,
}

/// What is to be printed of a source.
#[derive(Default)]
pub struct Batch {
    text: Vec<u8>,
    /// Where in it names stand, and whether only if another's line came between.
    prefixes: Vec<(usize, bool)>,
    /// Whether the last line goes on.
    is_open: bool,
}

impl Batch {
    /// Adds a line, or a piece of one.
    pub fn add(&mut self, piece: &Piece<'_>, style: Style) {
        if piece.begins || self.prefixes.is_empty() {
            self.prefixes.push((self.text.len(), !piece.begins));
        }
        if style.timestamps && piece.begins && !piece.time.is_empty() {
            self.text.extend_from_slice(piece.time.as_bytes());
            self.text.push(b' ');
        }
        self.text.extend_from_slice(piece.text);
        if piece.ends {
            self.text.push(b'\n');
        }
        self.is_open = !piece.ends;
    }
}

impl<W: AsyncWrite + Unpin> Printer<W> {
    pub fn new(out: W, style: Style) -> Self {
        Self { out, style, sources: 0, width: 0, open: None }
    }

    pub fn style(&self) -> Style {
        self.style
    }

    /// A source of this name.
    pub fn source(&mut self, name: &str) -> Source {
        self.width = self.width.max(name.len());
        self.sources += 1;
        Source { name: name.to_owned(), number: self.sources - 1 }
    }

    /// Prints what has come from a source.
    ///
    /// # Errors
    /// Where nothing can be written any more.
    pub async fn print(&mut self, source: &Source, batch: Batch) -> io::Result<()> {
        if batch.prefixes.is_empty() {
            return Ok(());
        }
        let was_open = self.open == Some(source.number);
        let mut text = Vec::with_capacity(batch.text.len() + batch.prefixes.len() * (self.width + 16));
        if self.open.is_some() && !was_open {
            text.push(b'\n');
        }
        let mut from = 0;
        for (at, only_between) in &batch.prefixes {
            text.extend_from_slice(&batch.text[from..*at]);
            from = *at;
            // The rest of a line that another's line has ended is nothing where it is empty.
            if *only_between && !was_open && batch.text[*at..] == *b"\n" {
                from += 1;
            } else if !only_between || !was_open {
                self.prefix(source, &mut text);
            }
        }
        text.extend_from_slice(&batch.text[from..]);
        self.open = batch.is_open.then_some(source.number);
        self.out.write_all(&text).await?;
        self.out.flush().await
    }

    fn prefix(&self, source: &Source, text: &mut Vec<u8>) {
        if !self.style.prefix {
            return;
        }
        let padded = format!("{:1$} | ", source.name, self.width + 1);
        let colored = self.style.color.then(|| format!("\x1b[{}m{padded}\x1b[0m", COLORS[source.number % COLORS.len()]));
        text.extend_from_slice(colored.unwrap_or(padded).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn piece(text: &str, begins: bool, ends: bool) -> Piece<'_> {
        Piece { time: "2026-01-01T00:00:00Z", text: text.as_bytes(), begins, ends }
    }

    /// What is printed of pieces of `web` and of `database`.
    async fn printed(style: Style, pieces: &[(&str, Piece<'_>)]) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, style);
        let (web, database) = (printer.source("web"), printer.source("database"));
        for (name, piece) in pieces {
            let mut batch = Batch::default();
            batch.add(piece, style);
            printer.print(if *name == "web" { &web } else { &database }, batch).await.unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn names_are_padded_to_the_longest_and_coloured_each_its_own() {
        let pieces = || [("web", piece("a", true, true)), ("database", piece("b", true, true))];
        let plain = Style { prefix: true, ..Style::default() };
        assert_eq!(printed(plain, &pieces()).await, "web       | a\ndatabase  | b\n");
        let colored = printed(Style { color: true, ..plain }, &pieces()).await;
        assert_eq!(colored, "\x1b[36mweb       | \x1b[0ma\n\x1b[33mdatabase  | \x1b[0mb\n");
        let bare = printed(Style { timestamps: true, ..Style::default() }, &pieces()).await;
        assert_eq!(bare, "2026-01-01T00:00:00Z a\n2026-01-01T00:00:00Z b\n");
    }

    #[tokio::test]
    async fn a_long_line_is_one_line_unless_another_comes_between() {
        let style = Style { prefix: true, ..Style::default() };
        let (begin, end) = (|| ("web", piece("one", true, false)), || ("web", piece(" line", false, true)));
        assert_eq!(printed(style, &[begin(), end()]).await, "web       | one line\n");
        let between = || ("database", piece("b", true, true));
        let text = printed(style, &[begin(), between(), end()]).await;
        assert_eq!(text, "web       | one\ndatabase  | b\nweb       |  line\n");
        let text = printed(style, &[begin(), between(), ("web", piece("", false, true))]).await;
        assert_eq!(text, "web       | one\ndatabase  | b\n");
    }
}
