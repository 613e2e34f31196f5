//! Which port here is which port there.

/// A port of this machine, 0 for any, and the container's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub local: u16,
    pub remote: u16,
}

/// Reads `[LOCAL:]PORT`.
///
/// # Errors
/// What is expected, where it is something else.
pub fn parse(text: &str) -> Result<Ports, String> {
    let (local, remote) = match text.split_once(':') {
        Some(("", remote)) => ("0", remote),
        Some(both) => both,
        None => (text, text),
    };
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
    let found = number(local).zip(number(remote).filter(|port| *port > 0));
    found.map(|(local, remote)| Ports { local, remote }).ok_or_else(|| "expected PORT, LOCAL:PORT or :PORT, numbers up to 65535".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_here_is_the_same_or_another_or_any() {
        let ports = |local, remote| Ok(Ports { local, remote });
        assert_eq!(parse("80"), ports(80, 80));
        assert_eq!(parse("8080:80"), ports(8080, 80));
        assert_eq!((parse(":80"), parse("0:80")), (ports(0, 80), ports(0, 80)));
        for wrong in ["", "0", "80:", "80:0", "http", "65536", "1:2:3", "+1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
