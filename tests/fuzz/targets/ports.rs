#![no_main]

use compose_operator_fuzz::compose::decode::short_port::{MAX_PORTS, ShortPort, parse, range};
use compose_operator_fuzz::on_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    if let Ok((first, last)) = range(text) {
        assert!(first <= last);
    }
    let mut budget = MAX_PORTS;
    let Ok(ports) = parse(text, &mut budget) else { return };
    assert!(!ports.is_empty());
    assert_eq!(ports.len(), MAX_PORTS - budget, "every port is paid for");
    for port in &ports {
        assert_eq!(parse(&written(port), &mut { MAX_PORTS }).as_deref(), Ok(std::slice::from_ref(port)), "{text:?}");
    }
    assert!(parse(text, &mut { ports.len() - 1 }).is_err(), "past the budget");
}));

fn written(port: &ShortPort) -> String {
    let host = port.host_ip.as_ref().map_or(String::new(), |host| format!("[{host}]:"));
    let published = match &port.published {
        Some(published) => format!("{published}:"),
        None if host.is_empty() => String::new(),
        None => ":".to_owned(),
    };
    format!("{host}{published}{}/{}", port.target, port.protocol)
}
