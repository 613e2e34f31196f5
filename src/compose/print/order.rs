//! The order of keys that users choose in the reference's YAML: numbers in them count as numbers, `web2` stands before `web10`.

use std::cmp::Ordering;

/// Compares two keys as go-yaml does.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (false, false) => {}
        // A letter stands before what follows a digit, and behind all else.
        (letter, _) => {
            let after_digit = at > 0 && a[at - 1].is_numeric();
            return if letter == after_digit { Ordering::Less } else { Ordering::Greater };
        }
    }
    // Zeros at the start of a number count for nothing.
    let significant = a[..at].iter().rev().take_while(|c| c.is_numeric()).any(|c| *c != '0');
    let start = u64::from((x == '0' || y == '0') && significant);
    let number = |text: &[char]| {
        let digits = text[at..].iter().map_while(|c| c.to_digit(10));
        digits.fold((start, 0), |(number, length), digit| (number.wrapping_mul(10).wrapping_add(digit.into()), length + 1))
    };
    number(&a).cmp(&number(&b)).then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_keys_count_as_numbers() {
        let sorted = ["", "-a", "1", "2", "10", "_a", "a", "a_b", "a1", "a01", "a2", "a02b", "a10", "aB", "ab", "b-1", "b", "Z"];
        let mut keys = sorted.to_vec();
        keys.reverse();
        keys.sort_by(|a, b| natural(a, b));
        let mut again = sorted.to_vec();
        again.sort_by(|a, b| natural(a, b));
        assert_eq!(keys, again, "the order is one of the keys, not of the list");
        for (less, more) in [("web2", "web10"), ("web", "web1"), ("a_b", "ab"), ("1a", "1_"), ("a1", "a01"), ("A", "a")] {
            assert_eq!((natural(less, more), natural(more, less)), (Ordering::Less, Ordering::Greater), "{less} {more}");
        }
    }
}
