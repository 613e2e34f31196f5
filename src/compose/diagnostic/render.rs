use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::{Diagnostic, Severity, SourceMap};
use crate::yaml::Span;

/// One line per diagnostic, `compose.yaml:3:7: services.web.mage: unknown attribute`, with notes and help indented below it: what status and
/// logs show. No source text.
pub fn render_plain(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for diagnostic in diagnostics {
        let warning = if diagnostic.is_error() { "" } else { "warning: " };
        let _ = writeln!(out, "{}{warning}{}", place(diagnostic.span, sources), one_line(&title(diagnostic)));
        for note in sources.notes(diagnostic) {
            let _ = writeln!(out, "  note: {}{}", place(note.span, sources), one_line(&note.message));
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "  help: {}", one_line(help));
        }
    }
    out
}

/// As compilers print: with the source line underlined, but for files whose text may not be shown.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut main = with_source(Group::with_title(level.primary_title(title(diagnostic)).id(diagnostic.code)), diagnostic.span, sources);
        let mut others = Vec::new();
        for note in sources.notes(diagnostic) {
            if note.span.is_some() {
                others.push(with_source(Group::with_title(Level::NOTE.secondary_title(note.message.clone())), note.span, sources));
            } else {
                main = main.element(Level::NOTE.message(normalize_untrusted_str(&note.message)));
            }
        }
        if let Some(help) = &diagnostic.help {
            main = main.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        let report: Vec<Group<'_>> = std::iter::once(main).chain(others).collect();
        out.push_str(&renderer.render(&report));
        out.push_str("\n\n");
    }
    out
}

fn with_source<'a>(group: Group<'a>, span: Option<Span>, sources: &'a SourceMap) -> Group<'a> {
    let Some((span, position)) = span.and_then(|span| Some((span, sources.position(span)?))) else { return group };
    match sources.excerpt(span) {
        Some((line, text, range)) => {
            let snippet = Snippet::source(text).line_start(line).path(position.file);
            group.element(snippet.annotation(AnnotationKind::Primary.span(range)))
        }
        None if position.line == 0 => group.element(Origin::path(position.file)),
        None => group.element(Origin::path(position.file).line(position.line).char_column(position.column)),
    }
}

fn title(diagnostic: &Diagnostic) -> String {
    if diagnostic.path.is_empty() { diagnostic.message.clone() } else { format!("{}: {}", diagnostic.path, diagnostic.message) }
}

fn place(span: Option<Span>, sources: &SourceMap) -> String {
    span.and_then(|span| sources.position(span)).map_or(String::new(), |position| format!("{position}: "))
}

/// Control characters of the input must not reach a terminal or break a line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(tainted: bool) -> (Vec<Diagnostic>, SourceMap) {
        let mut sources = SourceMap::new();
        let file = sources.add("compose.yaml", "services:\n  web:\n    mage: s3cret\n", tainted);
        let mage = Diagnostic::error("unknown-attribute", "services.web.mage", "unknown attribute, did you mean \"image\"?")
            .at(Span { file, start: 21, end: 25 })
            .note("the service starts here", Some(Span { file, start: 12, end: 15 }))
            .help("write image");
        (vec![mage, Diagnostic::warning("no-place", "", "two\nlines")], sources)
    }

    #[test]
    fn a_plain_line_starts_with_its_position_and_path() {
        let (diagnostics, sources) = example(false);
        assert_eq!(
            render_plain(&diagnostics, &sources),
            "compose.yaml:3:5: services.web.mage: unknown attribute, did you mean \"image\"?\n  \
             note: compose.yaml:2:3: the service starts here\n  help: write image\nwarning: two lines\n"
        );
    }

    #[test]
    fn the_source_line_is_shown_and_underlined() {
        let (diagnostics, sources) = example(false);
        let text = render(&diagnostics, &sources, false);
        assert!(text.contains("error[unknown-attribute]: services.web.mage: unknown attribute"), "{text}");
        assert!(text.contains("--> compose.yaml:3:5"), "{text}");
        assert!(text.contains("3 |     mage: s3cret\n  |     ^^^^"), "{text}");
    }

    #[test]
    fn lines_of_a_tainted_file_are_never_shown() {
        let (diagnostics, sources) = example(true);
        let text = render(&diagnostics, &sources, true) + &render_plain(&diagnostics, &sources);
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("compose.yaml"), "{text}");
    }
}
