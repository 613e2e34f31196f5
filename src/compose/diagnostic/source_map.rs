use std::sync::Arc;

use super::{Diagnostic, Note, Origins};

use crate::yaml::{FileId, Span};

/// The files of a load, for positions and for the source lines that the plugin prints.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
    /// Where merged and extended values come from.
    pub origins: Origins,
}

#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    text: Arc<str>,
    tainted: bool,
}

/// A place in a file; line and column count from 1, columns in characters. Both are 0 where the file is a structured object, which has no
/// lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}:{}", self.file, self.line, self.column) }
    }
}

impl SourceMap {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file under the name that messages call it. The text of a tainted one is never printed. Structured data has an empty text.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>, tainted: bool) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { name: name.into(), text: text.into(), tainted });
        id
    }

    pub fn name(&self, file: FileId) -> Option<&str> {
        self.file(file).map(|file| file.name.as_str())
    }

    pub fn text(&self, file: FileId) -> Option<&Arc<str>> {
        self.file(file).map(|file| &file.text)
    }

    /// The texts of all files.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| &*file.text)
    }

    pub fn is_tainted(&self, file: FileId) -> bool {
        self.file(file).is_some_and(|file| file.tainted)
    }

    /// Where a span starts. `None` for a file that was never added.
    pub fn position(&self, span: Span) -> Option<Position> {
        let file = self.file(span.file)?;
        let name = file.name.clone();
        if file.text.is_empty() {
            return Some(Position { file: name, line: 0, column: 0 });
        }
        let start = file.text.floor_char_boundary(span.start as usize);
        let before = &file.text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let marked = usize::from(line == 1 && before.starts_with('\u{feff}'));
        Some(Position { file: name, line, column: before[line_start..].chars().count() + 1 - marked })
    }

    /// The notes of a diagnostic, with the other places that its value comes from.
    pub fn notes(&self, diagnostic: &Diagnostic) -> Vec<Note> {
        let mut notes = diagnostic.notes.clone();
        let known = |note: &Note| diagnostic.notes.iter().any(|other| other.span == note.span);
        notes.extend(self.origins.notes(diagnostic).into_iter().filter(|note| !known(note)));
        notes
    }

    /// The lines that a span starts and ends on, as (line number, text, the span's range in that text). `None` where nothing may be shown.
    pub fn excerpt(&self, span: Span) -> Option<(usize, &str, std::ops::Range<usize>)> {
        const LONGEST: usize = 400;
        let file = self.file(span.file).filter(|file| !file.tainted && !file.text.is_empty())?;
        let text = &*file.text;
        let start = text.floor_char_boundary(span.start as usize);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        if line.len() > LONGEST {
            return None;
        }
        let number = text[..line_start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        let from = (start - line_start).min(line.len());
        let to = text.floor_char_boundary(span.end as usize).saturating_sub(line_start).clamp(from, line.len());
        Some((number, line, from..to))
    }

    fn file(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.0 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, start: u32, expected: &str) {
        let mut sources = SourceMap::new();
        let file = sources.add("compose.yaml", text, false);
        let position = sources.position(Span { file, start, end: start });
        assert_eq!(position.map(|position| position.to_string()).as_deref(), Some(expected));
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        check("a: 1\nb: é2\n", 0, "compose.yaml:1:1");
        check("a: 1\nb: é2\n", 5, "compose.yaml:2:1");
        check("a: 1\nb: é2\n", 10, "compose.yaml:2:5");
        check("a: 1\r\nb: 2\r\n", 6, "compose.yaml:2:1");
        check("\u{feff}a: 1\n", 6, "compose.yaml:1:4");
        check("a: 1\n", 5, "compose.yaml:2:1");
        check("a: 1\n", 99, "compose.yaml:2:1");
    }

    #[test]
    fn structured_data_has_no_lines() {
        check("", 0, "compose.yaml");
    }
}
