//! YAML as docker compose writes it: the styles, line breaks and quotes of go-yaml.

use serde_json::Value as Json;

use crate::yaml::{format_float, is_text};

/// Longer lines break at their next space.
const WIDTH: usize = 80;
/// Longer keys, in bytes, are marked as such.
const LONGEST_KEY: usize = 128;
const STEP: usize = 2;

/// The value as a document, ended by a line break.
pub fn text(value: &Json) -> String {
    let mut writer = Writer::default();
    if is_block(value) {
        writer.block(value, 0);
    } else {
        writer.scalar(value, 0, true);
    }
    writer.line();
    writer.text
}

fn is_block(value: &Json) -> bool {
    match value {
        Json::Object(entries) => !entries.is_empty(),
        Json::Array(items) => !items.is_empty(),
        _ => false,
    }
}

#[derive(Default)]
struct Writer {
    text: String,
    column: usize,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column = match text.rsplit_once('\n') {
            Some((_, last)) => last.chars().count(),
            None => self.column + text.chars().count(),
        };
    }

    /// Ends a line that has been begun.
    fn line(&mut self) {
        if self.column > 0 {
            self.put("\n");
        }
    }

    fn indent(&mut self, indent: usize) {
        let missing = indent.saturating_sub(self.column);
        self.put(&" ".repeat(missing));
    }

    /// A mapping or a list that is not empty. Its first line is the current one where it stands behind a dash.
    fn block(&mut self, value: &Json, indent: usize) {
        match value {
            Json::Object(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.start(index, indent);
                    self.entry(key, value, indent);
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.start(index, indent);
                    self.put("- ");
                    self.inner(item, indent);
                }
            }
            scalar => self.scalar(scalar, indent, true),
        }
    }

    fn start(&mut self, index: usize, indent: usize) {
        if index > 0 || self.column > indent {
            self.line();
        }
        self.indent(indent);
    }

    /// What stands behind a dash, a question mark or a colon of its own.
    fn inner(&mut self, value: &Json, indent: usize) {
        if is_block(value) { self.block(value, indent + STEP) } else { self.scalar(value, indent + STEP, true) }
    }

    fn entry(&mut self, key: &str, value: &Json, indent: usize) {
        if key.len() > LONGEST_KEY || key.contains(is_break) {
            self.put("? ");
            self.string(key, indent + STEP, true);
            self.line();
            self.indent(indent);
            self.put(": ");
            self.inner(value, indent);
            return;
        }
        self.string(key, indent, false);
        self.put(":");
        if is_block(value) {
            self.line();
            self.block(value, indent + STEP);
        } else {
            self.put(" ");
            self.scalar(value, indent + STEP, true);
        }
    }

    fn scalar(&mut self, value: &Json, indent: usize, breaks: bool) {
        match value {
            Json::String(text) => self.string(text, indent, breaks),
            Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(float) => self.put(&format_float(float)),
                None => self.put(&number.to_string()),
            },
            other => self.put(&other.to_string()),
        }
    }

    fn string(&mut self, text: &str, indent: usize, breaks: bool) {
        match style(text) {
            Style::Plain => self.plain(text, indent, breaks),
            Style::Single => self.single(text, indent, breaks),
            Style::Double => self.double(text, indent, breaks),
            Style::Literal => self.literal(text, indent),
        }
    }

    /// Whether the line is long enough to break it at this space.
    fn breaks_here(&self, before: Option<&char>, allowed: bool) -> bool {
        allowed && before != Some(&' ') && self.column > WIDTH
    }

    fn plain(&mut self, text: &str, indent: usize, breaks: bool) {
        let chars: Vec<char> = text.chars().collect();
        for (index, c) in chars.iter().enumerate() {
            let before = index.checked_sub(1).map(|index| &chars[index]);
            if *c == ' ' && self.breaks_here(before, breaks) && chars.get(index + 1) != Some(&' ') {
                self.put("\n");
                self.indent(indent);
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
            }
        }
    }

    fn single(&mut self, text: &str, indent: usize, breaks: bool) {
        self.put("'");
        let chars: Vec<char> = text.chars().collect();
        for (index, c) in chars.iter().enumerate() {
            let inside = index > 0 && index + 1 < chars.len();
            let before = index.checked_sub(1).map(|index| &chars[index]);
            if *c == ' ' && inside && self.breaks_here(before, breaks) && chars[index + 1] != ' ' {
                self.put("\n");
                self.indent(indent);
            } else if *c == '\'' {
                self.put("''");
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
            }
        }
        self.put("'");
    }

    fn double(&mut self, text: &str, indent: usize, breaks: bool) {
        self.put("\"");
        let chars: Vec<char> = text.chars().collect();
        for (index, c) in chars.iter().enumerate() {
            let inside = index > 0 && index + 1 < chars.len();
            let before = index.checked_sub(1).map(|index| &chars[index]);
            if *c == ' ' && inside && self.breaks_here(before, breaks) {
                self.put("\n");
                self.indent(indent);
                if chars[index + 1] == ' ' {
                    self.put("\\");
                }
            } else if !is_printable(*c) || is_break(*c) || matches!(c, '"' | '\\') {
                self.put(&escape(*c));
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
            }
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with(' ') {
            self.put(&STEP.to_string());
        }
        match text.len() - text.trim_end_matches('\n').len() {
            0 => self.put("-"),
            1 => {}
            _ => self.put("+"),
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.put("\n");
            if !line.is_empty() {
                self.indent(indent);
                self.put(line);
            }
        }
        if text.ends_with('\n') {
            self.put("\n");
        }
    }
}

#[derive(Clone, Copy)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

fn style(text: &str) -> Style {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied();
    let pairs = || chars.windows(2).map(|pair| (pair[0], pair[1]));
    // Two characters that YAML 1.1 takes for line breaks are escaped, which readers of every version read alike.
    let escaped = |c: char| c != '\t' && !is_printable(c) || matches!(c, '\u{2028}' | '\u{2029}');
    let special = chars.iter().any(|c| escaped(*c)) || pairs().any(|(a, b)| a == ' ' && is_break(b));
    let single_allowed = !special && !chars.contains(&'\t') && !pairs().any(|(a, b)| is_break(a) && b == ' ');
    if text.contains('\n') {
        let block_allowed = !special && !text.ends_with(' ');
        return if block_allowed && text.contains(|c: char| !c.is_whitespace()) { Style::Literal } else { Style::Double };
    }
    let quoted = if single_allowed { Style::Single } else { Style::Double };
    if is_old_bool(text) || is_base_60(text) || text == "<<" {
        return quoted;
    }
    if !is_text(text) {
        return Style::Double;
    }
    let blank_or_end = |index: usize| at(index).is_none_or(|c| matches!(c, ' ' | '\t'));
    let indicator = match chars.first() {
        Some('#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`') => true,
        Some('?' | ':' | '-') => blank_or_end(1) || text.starts_with("---"),
        _ => text.starts_with("..."),
    };
    let inner = (1..chars.len()).any(|index| match chars[index] {
        ':' => blank_or_end(index + 1),
        '#' => matches!(chars[index - 1], ' ' | '\t') || is_break(chars[index - 1]),
        _ => false,
    });
    let plain = !indicator && !inner && single_allowed && !text.starts_with(' ') && !text.ends_with(' ') && !text.contains(is_break);
    if plain { Style::Plain } else { quoted }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

/// What YAML 1.1 takes for a boolean.
fn is_old_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}

/// What YAML 1.1 takes for a number of base 60: `12:30:45`.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit() || c == '_');
    let Some((first, rest)) = whole.split_once(':') else { return false };
    let sixtieth = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => matches!(ten, b'0'..=b'5') && one.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit()) && digits(first) && rest.split(':').all(sixtieth) && digits(fraction)
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(c) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::yaml::{FileId, parse, to_json};

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let texts = [
            "",
            " ",
            "a",
            "yes",
            "<<",
            "1",
            "a: b",
            "\n",
            "a\nb\n\n",
            " a\nb",
            "a \nb",
            "\u{85}",
            "a\u{2028}b",
            "\u{feff}a",
            "\t",
            "'",
            "\"\\",
        ];
        let long = "word, 'word': ".repeat(20);
        for text in texts.into_iter().chain([long.as_str(), long.trim_end()]) {
            let value = json!({"k": text, "l": [text, [text], {"m": text}], text: {"n": [{text: null}]}});
            let written = super::text(&value);
            let (documents, errors) = parse(&written, FileId(0));
            assert!(errors.is_empty(), "{written}: {errors:?}");
            assert_eq!(to_json(&documents[0]), value, "{written}");
        }
    }
}
