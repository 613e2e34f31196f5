use crate::compose::diagnostic::{render, render_plain};

use super::Try;

/// What is told of a load, as status and logs show it.
#[track_caller]
fn told(found: &Try, expected: &str) {
    let loaded = found.load();
    assert_eq!(render_plain(&loaded.diagnostics, &loaded.map), expected);
}

const BASE: &str = "services:\n  web:\n    image: nginx\n    mem_limit: 1g\n    ports:\n      - target: 80\n        published: 8080\n";

#[test]
fn a_replaced_value_is_told_with_the_place_that_it_replaces() {
    told(
        &Try::of(BASE).merged("override.yaml", "services:\n  web:\n    mem_limit: lots\n"),
        "override.yaml:3:16: services.web.mem_limit: \"lots\" is not a number of bytes, alone or with b, k, m, g, t or p, such as 512m or 1.5GiB\n  \
         note: compose.yaml:4:16: first said here\n",
    );
}

#[test]
fn a_value_that_was_replaced_twice_is_told_with_all_places() {
    let twice = Try::of(BASE).merged("b.yaml", "services: {web: {mem_limit: 2g}}").merged("c.yaml", "services: {web: {mem_limit: lots}}");
    told(
        &twice,
        "c.yaml:1:29: services.web.mem_limit: \"lots\" is not a number of bytes, alone or with b, k, m, g, t or p, such as 512m or 1.5GiB\n  \
         note: b.yaml:1:29: said before here\n  note: compose.yaml:4:16: first said here\n",
    );
}

#[test]
fn a_list_item_that_replaces_another_is_told_with_both_places() {
    let volumes = "services:\n  web:\n    image: nginx\n    volumes:\n      - ./a:/data\n";
    told(
        &Try::of(volumes).merged("override.yaml", "services:\n  web:\n    volumes:\n      - lost:/data\n"),
        "override.yaml:4:9: services.web.volumes[0]: volume \"lost\" is not defined under volumes\n  \
         note: compose.yaml:5:9: first said here\n",
    );
}

#[test]
fn a_mapping_that_meets_a_list_is_told_with_both_places() {
    told(
        &Try::of(BASE).merged("override.yaml", "services:\n  web:\n    ports: 80\n"),
        "override.yaml:3:12: services.web.ports: cannot override a list with an integer\n  \
         note: compose.yaml:6:7: first said here\n\
         override.yaml:3:12: services.web.ports: must be a list, found an integer\n  \
         note: compose.yaml:6:7: first said here\n",
    );
}

#[test]
fn an_extended_value_is_told_with_the_place_that_extends_it() {
    let common = "services:\n  base:\n    image: nginx\n    mem_limit: lots\n";
    told(
        &Try::of("services:\n  web:\n    extends:\n      file: common.yaml\n      service: base\n").file("common.yaml", common),
        "common.yaml:4:16: services.web.mem_limit: \"lots\" is not a number of bytes, alone or with b, k, m, g, t or p, such as 512m or 1.5GiB\n  \
         note: compose.yaml:4:7: extended here\n",
    );
}

#[test]
fn a_value_that_came_through_two_services_is_told_with_the_one_that_has_it() {
    let chain = "services:\n  a:\n    image: x\n    cgroup: hots\n  b:\n    extends: a\n  c:\n    extends: b\n    cgroup: private\n  d:\n    extends: b\n";
    told(
        &Try::of(chain),
        "compose.yaml:4:13: services.a.cgroup: \"hots\" is not allowed; allowed are host, private (did you mean \"host\"?)\n\
         compose.yaml:4:13: services.b.cgroup: \"hots\" is not allowed; allowed are host, private (did you mean \"host\"?)\n  \
         note: compose.yaml:6:14: extended here\n\
         compose.yaml:4:13: services.d.cgroup: \"hots\" is not allowed; allowed are host, private (did you mean \"host\"?)\n  \
         note: compose.yaml:11:14: extended here\n",
    );
}

#[test]
fn a_value_that_replaces_nothing_is_told_with_its_own_place() {
    told(
        &Try::of(BASE).merged("override.yaml", "services:\n  web:\n    cgroup: hots\n"),
        "override.yaml:3:13: services.web.cgroup: \"hots\" is not allowed; allowed are host, private (did you mean \"host\"?)\n",
    );
}

#[test]
fn both_source_lines_are_shown_and_underlined() {
    let loaded = Try::of(BASE).merged("override.yaml", "services:\n  web:\n    mem_limit: lots\n").load();
    let text = render(&loaded.diagnostics, &loaded.map, false);
    assert!(text.contains("3 |     mem_limit: lots\n  |                ^^^^"), "{text}");
    assert!(text.contains("note: first said here\n --> compose.yaml:4:16"), "{text}");
    assert!(text.contains("4 |     mem_limit: 1g\n  |                ^^"), "{text}");
}

#[test]
fn a_line_of_a_secret_file_is_told_by_its_place_alone() {
    let loaded = Try::of(BASE).secret_file("s.yaml", "services: {web: {mem_limit: hunter22}}").merged_name("s.yaml").load();
    let text = render(&loaded.diagnostics, &loaded.map, false) + &render_plain(&loaded.diagnostics, &loaded.map);
    assert!(text.contains("s.yaml:1:29") && text.contains("compose.yaml:4:16") && !text.contains("hunter22"), "{text}");
}
