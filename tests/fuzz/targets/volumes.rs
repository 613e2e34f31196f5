#![no_main]

use compose_operator_fuzz::compose::decode::{short_device, short_volume};
use compose_operator_fuzz::on_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    if let Ok(volume) = short_volume::parse(text) {
        assert!(!volume.is_bind || volume.source.is_some(), "{volume:?}");
        assert!(volume.source.as_deref() != Some(""), "{volume:?}");
        assert!(!volume.is_bind || volume.bind.is_some(), "{volume:?}");
        assert!(!volume.target.starts_with("//") && !volume.target.contains("/./"), "{volume:?}");
        let source = volume.source.as_deref().unwrap_or_default();
        assert!(source.len() + volume.target.len() <= text.len() + 1, "{volume:?}");
    }
    if let Ok(device) = short_device::parse(text) {
        assert!(text.starts_with(&device.source) && text.contains(&device.target), "{device:?}");
    }
}));
