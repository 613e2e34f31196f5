#![no_main]

use compose_operator_fuzz::compose::decode::units::{bytes, duration, format_duration};
use compose_operator_fuzz::compose::decode::words::{MAX_WORDS, split};
use compose_operator_fuzz::on_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    if let Some(size) = bytes(text) {
        assert_eq!(bytes(&size.to_string()), Some(size));
    }
    if let Some(nanoseconds) = duration(text) {
        let printed = format_duration(nanoseconds);
        let again = duration(&printed);
        // The fraction of a second passes through a float.
        assert!(
            again.is_some_and(|again| again.abs_diff(nanoseconds) <= 1),
            "{text:?}: {nanoseconds} is printed {printed}, read {again:?}"
        );
    }
    if let Ok(words) = split(text) {
        assert!(words.words.len() <= MAX_WORDS + 1);
        let quoted: Vec<String> = words.words.iter().map(|word| format!("'{word}'")).collect();
        if !words.words.iter().any(|word| word.contains('\'')) {
            assert_eq!(split(&quoted.join(" ")).map(|words| words.words), Ok(words.words), "words in quotes are the same words");
        }
        assert!(words.lost.is_none_or(|lost| text.ends_with(&lost)));
    }
}));
