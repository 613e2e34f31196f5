//! What go-yaml takes and the event parser refuses, written so that the parser takes it too: each byte of it by one that the text doesn't hold,
//! so that positions stay.

/// Characters that may stand for others: free to stand in plain texts and in quotes.
const MARKS: [char; 8] = ['^', '~', ';', '(', '+', '=', '/', '$'];
/// Those that may stand in quotes.
const QUOTED_MARKS: [char; 14] = ['^', '~', ';', '(', '+', '=', '/', '$', ')', '|', '`', '@', '%', '_'];

/// A text in which marks stand for what the parser would refuse.
#[derive(Default)]
pub struct Marked {
    pub text: Option<String>,
    /// `[cat, -]`: a dash before `,`, `]` or `}`.
    dash: Option<char>,
    /// A line break, and a blank or a backslash beside it, in a quoted text whose lines are indented less than its mapping.
    lines: Option<(char, char)>,
}

impl Marked {
    /// Marks every dash that could be one; in other places than the parser refuses, the way back is the same. False where no mark is free.
    pub fn mark_dashes(&mut self, text: &str) -> bool {
        let now = self.text.as_deref().unwrap_or(text);
        let Some(mark) = MARKS.into_iter().find(|mark| self.dash.is_none() && !now.contains(*mark)) else { return false };
        let bytes = now.as_bytes();
        let is_lone = |at: usize| {
            let before = at.checked_sub(1).map_or(b'\n', |before| bytes[before]);
            matches!(before, b' ' | b'\n' | b'[' | b'{' | b',') && matches!(bytes.get(at + 1), Some(b',' | b']' | b'}'))
        };
        let marked = now.char_indices().map(|(at, c)| if c == '-' && is_lone(at) { mark } else { c }).collect();
        self.text = Some(marked);
        self.dash = Some(mark);
        true
    }

    /// Joins the lines of the first quoted text after a place, which another place is in: a run of marks stands for the blanks and line breaks between two lines, the
    /// breaks first; where a backslash escapes the first break, a blank stands before them and that break is one too.
    pub fn join_lines(&mut self, text: &str, after: usize, inside: usize) -> bool {
        let now = self.text.as_deref().unwrap_or(text);
        let free = || QUOTED_MARKS.into_iter().filter(|mark| !now.contains(*mark));
        let Some((line, blank)) = self.lines.or_else(|| Some((free().next()?, free().nth(1)?))) else { return false };
        let Some((start, end)) = quoted(now, after).filter(|(start, end)| (*start..=*end).contains(&inside)) else { return false };
        let double = now.as_bytes()[start] == b'"';
        let mut marked = now[..=start].to_owned();
        let mut rest = &now[start + 1..end];
        while let Some(at) = rest.find('\n') {
            let before = rest[..at].trim_end_matches(['\r', ' ', '\t']);
            let follows = rest[at..].trim_start_matches([' ', '\t', '\r', '\n']);
            let run = rest.len() - before.len() - follows.len();
            let breaks = rest[before.len()..before.len() + run].matches('\n').count();
            let backslashes = before.len() - before.trim_end_matches('\\').len();
            let directly = rest[before.len()..at].trim_end_matches('\r').is_empty();
            if double && directly && backslashes % 2 == 1 {
                marked.push_str(&before[..before.len() - 1]);
                marked.push(blank);
                marked.extend(std::iter::repeat_n(line, breaks - 1));
                marked.extend(std::iter::repeat_n(blank, run - (breaks - 1)));
            } else {
                marked.push_str(before);
                marked.extend(std::iter::repeat_n(line, breaks));
                marked.extend(std::iter::repeat_n(blank, run - breaks));
            }
            rest = follows;
        }
        marked.push_str(rest);
        marked.push_str(&now[end..]);
        let changed = marked != now;
        self.text = Some(marked);
        self.lines = Some((line, blank));
        changed
    }

    /// What a text says that holds marks; nothing where it holds none.
    pub fn unmark(&self, text: &str, quoted: bool) -> Option<String> {
        let dashed = self.dash.filter(|mark| text.contains(*mark)).map(|mark| text.replace(mark, "-"));
        let text = dashed.as_deref().unwrap_or(text);
        let Some((line, blank)) = self.lines.filter(|(line, blank)| quoted && text.contains([*line, *blank])) else { return dashed };
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find([line, blank]) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            let escaped = rest.starts_with(blank);
            let after = rest.trim_start_matches([line, blank]);
            let breaks = rest[..rest.len() - after.len()].matches(line).count();
            match breaks {
                1 if !escaped => plain.push(' '),
                _ => plain.extend(std::iter::repeat_n('\n', if escaped { breaks } else { breaks - 1 })),
            }
            rest = after;
        }
        plain.push_str(rest);
        Some(plain)
    }
}

/// Where the first quoted text after a place begins and ends, its quotes included; comments before it are none.
fn quoted(text: &str, after: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = after;
    let quote = loop {
        match bytes.get(at)? {
            quote @ (b'"' | b'\'') => break *quote,
            b'#' => at += text.get(at..)?.find('\n')?,
            _ => at += 1,
        }
    };
    let start = at;
    loop {
        at += 1;
        match bytes.get(at)? {
            b'\\' if quote == b'"' => at += 1,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 1,
            end if *end == quote => return Some((start, at)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::yaml::{FileId, parse, to_json};
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, expected: &serde_json::Value) {
        let (documents, errors) = parse(text, FileId(0));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(&to_json(&documents[0]), expected);
    }

    #[test]
    fn lines_of_quoted_texts_may_be_indented_as_they_like() {
        check("a:\n  b: \"one\n  two\n\n three\"\n  c: 1\n", &json!({"a": {"b": "one two\nthree", "c": 1}}));
        check("a:\n  b: 'it''s  \n\ttwo\nthree'\n", &json!({"a": {"b": "it's two three"}}));
        check("a: # \"comment\n  b: \"x \\\n  y\\\\\nz\"\n", &json!({"a": {"b": "x y\\ z"}}));
        check("a:\n- \"x\r\ny\"\n- 'z\nw'\n- [cat, -]\n", &json!({"a": ["x y", "z w", ["cat", "-"]]}));
    }

    #[test]
    fn positions_stay_where_they_are() {
        let text = "a:\n  b: \"x\n  y\"\n  c: here\n";
        let (documents, _) = parse(text, FileId(0));
        let span = documents[0].at("a.c").map(|node| &text[node.span.start as usize..node.span.end as usize]);
        assert_eq!(span, Some("here"));
    }

    #[test]
    fn a_text_whose_quote_does_not_end_is_still_refused() {
        assert!(!parse("a:\n  b: \"one\n  two\n", FileId(0)).1.is_empty());
    }
}
