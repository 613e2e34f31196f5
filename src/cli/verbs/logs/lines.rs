//! Lines of a container's log, out of the bytes that come in, each exactly once however often the log is asked for.

use jiff::Timestamp;

/// Bytes of a line that are held back until it is whole. What is longer goes out in pieces.
const HELD: usize = 64 << 10;
/// Bytes of the longest time that a line begins with.
const TIME: usize = 40;

/// A line, or a piece of a long one.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The line's time as the node wrote it; empty where there is none.
    pub time: &'a str,
    pub text: &'a [u8],
    /// Whether it is the first of its line.
    pub begins: bool,
    /// Whether it is the last of its line.
    pub ends: bool,
}

/// How far a container's log has been read. Memory is bounded, however long a line or a log is.
///
/// A log can be asked for by whole seconds only, from its beginning or from a second on. So what is counted is the lines since the second of the
/// latest one: that many are left out when they come again.
#[derive(Debug, Default)]
pub struct Lines {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Time of the latest line that is complete.
    latest: Option<Timestamp>,
    /// Complete lines in the second of the latest and after.
    in_second: u64,
    /// Lines that come again and are still to be left out.
    again: u64,
    /// The line that the last stream broke off in.
    cut: Option<Cut>,
    place: Place,
    /// The time of the line that comes in, as far as it has come.
    head: Vec<u8>,
    /// The present line's time, and as it was written.
    time: Option<Timestamp>,
    written: String,
    /// Bytes of the present line so far.
    passed: usize,
    /// Bytes at the beginning of the present line that were there before.
    skipped: usize,
    /// What is held back of the present line.
    line: Vec<u8>,
    /// Whether a piece of the present line has gone out.
    begun: bool,
    is_over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    time: Option<Timestamp>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In the time that a line begins with.
    #[default]
    Head,
    /// In the text of a line.
    Text,
    /// In the text of a line that isn't wanted, or has been there before.
    Dropped,
}

impl Lines {
    /// Lines of these times.
    pub fn new(since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { since, until, ..Self::default() }
    }

    /// From when on the log is to be asked for.
    pub fn since(&self) -> Option<Timestamp> {
        self.latest.or(self.since)
    }

    /// Whether lines are later than what is wanted.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// A new stream begins, from [`Self::since`] on.
    pub fn begin(&mut self) {
        if self.place == Place::Text {
            self.cut = Some(Cut { time: self.time, bytes: self.passed.max(self.skipped) });
        }
        self.again = self.in_second;
        self.place = Place::Head;
        self.head.clear();
    }

    /// Takes bytes of a stream, and gives the lines in them.
    pub fn feed(&mut self, mut chunk: &[u8], give: &mut impl FnMut(Piece<'_>)) {
        while !chunk.is_empty() {
            chunk = match self.place {
                Place::Head => self.feed_head(chunk, give),
                Place::Text => self.feed_text(chunk, give),
                Place::Dropped => {
                    let end = chunk.iter().position(|byte| *byte == b'\n');
                    if end.is_some() {
                        self.place = Place::Head;
                        self.head.clear();
                    }
                    end.map_or(&[], |end| &chunk[end + 1..])
                }
            };
        }
    }

    /// Nothing more will come: gives what was held back.
    pub fn finish(&mut self, give: &mut impl FnMut(Piece<'_>)) {
        if self.cut.take().is_some() || self.place == Place::Text {
            self.end(&[], give);
        }
    }

    fn feed_head<'a>(&mut self, chunk: &'a [u8], give: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let end = chunk.iter().position(|byte| matches!(byte, b' ' | b'\n'));
        let (head, rest) = chunk.split_at(end.unwrap_or(chunk.len()).min(TIME.saturating_sub(self.head.len())));
        self.head.extend_from_slice(head);
        if rest.is_empty() && self.head.len() < TIME {
            return rest;
        }
        let written = std::str::from_utf8(&self.head).ok().map(str::to_owned);
        let time = written.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
        self.place = self.wanted(time);
        if self.place == Place::Dropped {
            return rest;
        }
        match self.cut.take() {
            Some(cut) if cut.time == time && time.is_some() => {
                self.skipped = cut.bytes;
                self.passed = 0;
                return rest.strip_prefix(b" ").unwrap_or(rest);
            }
            // The line that was broken off doesn't come again.
            Some(_) => {
                let head = std::mem::take(&mut self.head);
                self.end(&[], give);
                self.head = head;
                self.place = Place::Text;
            }
            None => {}
        }
        self.time = time;
        if time.is_some() {
            self.written = written.unwrap_or_default();
            return rest.strip_prefix(b" ").unwrap_or(rest);
        }
        // Words of the node's own have no time.
        self.line = std::mem::take(&mut self.head);
        self.passed = self.line.len();
        rest
    }

    fn wanted(&mut self, time: Option<Timestamp>) -> Place {
        let Some(time) = time else { return Place::Text };
        let is_late = self.until.is_some_and(|until| time > until);
        self.is_over |= is_late;
        if is_late || self.since.is_some_and(|since| time < since) {
            return Place::Dropped;
        }
        if self.again > 0 && self.latest.is_some_and(|latest| time <= latest) {
            self.again -= 1;
            return Place::Dropped;
        }
        // What is kept no more of a log can't come again either.
        self.again = 0;
        Place::Text
    }

    fn feed_text<'a>(&mut self, chunk: &'a [u8], give: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let (text, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
        let known = self.skipped.saturating_sub(self.passed).min(text.len());
        self.passed += text.len();
        let text = &text[known..];
        if end.is_some() {
            self.end(text, give);
            return &rest[1..];
        }
        self.line.extend_from_slice(text);
        if self.line.len() >= HELD {
            give(Piece { time: &self.written, text: &self.line, begins: !self.begun, ends: false });
            self.begun = true;
            self.line.clear();
        }
        rest
    }

    /// The present line ends with this text.
    fn end(&mut self, text: &[u8], give: &mut impl FnMut(Piece<'_>)) {
        if !self.line.is_empty() {
            self.line.extend_from_slice(text);
        }
        let text = if self.line.is_empty() { text } else { &self.line };
        give(Piece { time: &self.written, text, begins: !self.begun, ends: true });
        self.count();
        self.next_line();
    }

    fn count(&mut self) {
        let Some(time) = self.time else { return };
        match self.latest {
            Some(latest) if time.as_second() < latest.as_second() => {}
            Some(latest) if time.as_second() == latest.as_second() => {
                self.latest = Some(latest.max(time));
                self.in_second += 1;
            }
            _ => {
                self.latest = Some(time);
                self.in_second = 1;
            }
        }
    }

    fn next_line(&mut self) {
        self.place = Place::Head;
        self.head.clear();
        self.line.clear();
        self.time = None;
        self.written.clear();
        self.begun = false;
        self.passed = 0;
        self.skipped = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn second(second: u32, rest: &str) -> String {
        format!("2026-01-01T00:00:{second:02}.{rest:0<9}Z")
    }

    /// What is given of streams, each in chunks of so many bytes.
    fn given(lines: &mut Lines, streams: &[&[u8]], size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut give = |piece: Piece<'_>| {
            assert!(piece.text.len() <= HELD + size);
            out.extend_from_slice(piece.text);
            out.extend_from_slice(if piece.ends { b"\n" } else { b"" });
        };
        for stream in streams {
            lines.begin();
            stream.chunks(size).for_each(|chunk| lines.feed(chunk, &mut give));
        }
        lines.finish(&mut give);
        out
    }

    #[test]
    fn a_log_that_is_asked_for_again_gives_each_line_once() {
        let a = format!("{} a\n", second(1, "1"));
        let same = format!("{} same\n", second(2, "5"));
        let earlier = format!("{} earlier\n", second(2, "4"));
        let c = format!("{} c\n", second(3, "0"));
        let log = [&*a, &*same, &*same, &*earlier, &*same, &*c].concat();
        let from_second_2 = &log[a.len()..];
        for size in [1, 3, 7, log.len()] {
            for broken in 0..=log.len() {
                let mut lines = Lines::default();
                // A node answers from a second on: from that of the latest line that was complete.
                let complete = log[..broken].matches('\n').count();
                let again: &str = match complete {
                    0 | 1 => &log,
                    6 => &c,
                    _ => from_second_2,
                };
                let text = given(&mut lines, &[&log.as_bytes()[..broken], again.as_bytes()], size);
                assert_eq!(text, b"a\nsame\nsame\nearlier\nsame\nc\n", "broken off after {broken} bytes, in chunks of {size}");
            }
        }
    }

    #[test]
    fn lines_of_the_run_after_a_restart_follow_those_before() {
        let before = format!("{} bye\n", second(2, "9"));
        let after = format!("{} hello\n{} hello\n", second(3, "1"), second(3, "1"));
        assert_eq!(given(&mut Lines::default(), &[before.as_bytes(), after.as_bytes()], 5), b"bye\nhello\nhello\n");
        let after_rotation = format!("{} new\n", second(3, "1"));
        let two = format!("{} 1\n{} 2\n", second(3, "0"), second(3, "0"));
        assert_eq!(given(&mut Lines::default(), &[two.as_bytes(), after_rotation.as_bytes()], 5), b"1\n2\nnew\n");
    }

    #[test]
    fn long_lines_and_any_bytes_pass_through() {
        let mut text: Vec<u8> = (0..=255u8).filter(|byte| *byte != b'\n').cycle().take(3 * HELD + 17).collect();
        let log = [second(1, "0").as_bytes(), b" ", &text, b"\n"].concat();
        let (half, size) = (log.len() / 2, 4096);
        let found = given(&mut Lines::default(), &[&log[..half], &log], size);
        text.push(b'\n');
        assert!(found == text, "{} bytes instead of {}", found.len(), text.len());
    }

    #[test]
    fn what_ends_without_a_newline_is_a_line() {
        let cut = format!("{} a\n{} the rest", second(1, "0"), second(1, "1"));
        assert_eq!(given(&mut Lines::default(), &[cut.as_bytes()], 4), b"a\nthe rest\n");
        assert_eq!(given(&mut Lines::default(), &[cut.as_bytes(), b""], 4), b"a\nthe rest\n");
        let other = format!("{} other\n", second(5, "1"));
        assert_eq!(given(&mut Lines::default(), &[cut.as_bytes(), other.as_bytes()], 4), b"a\nthe rest\nother\n");
        assert_eq!(given(&mut Lines::default(), &[b"unable to retrieve logs\n\n"], 4), b"unable to retrieve logs\n\n");
    }

    #[test]
    fn lines_of_other_times_are_left_out() {
        let log = (0..6).map(|at| format!("{} {at}\n", second(at, "5"))).collect::<Vec<_>>().concat();
        let time = |at: u32| second(at, "5").parse().ok();
        let mut lines = Lines::new(time(2), time(4));
        // The second time from the second of the latest line on.
        let again = &log[log.find(&second(4, "5")).unwrap()..];
        assert_eq!(given(&mut lines, &[log.as_bytes(), again.as_bytes()], 9), b"2\n3\n4\n");
        assert!(lines.is_over());
    }
}
