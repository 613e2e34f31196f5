//! Texts of scalars: what they hold, and how messages show them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The text that base64 stands for.
pub fn binary(text: &str) -> Option<String> {
    let packed: String = text.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(packed).ok()?).ok()
}

/// A text in quotes, for a message.
pub fn quote(text: &str) -> String {
    format!("{:?}", shorten(text))
}

/// The start of a text, for a message.
pub fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
