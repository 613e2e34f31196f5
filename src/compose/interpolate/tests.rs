use super::*;
use crate::compose::diagnostic::{SourceMap, render_plain};
use crate::yaml::{parse, to_json};
use serde_json::{Value as Json, json};

fn variables() -> BTreeMap<String, Variable> {
    let plain = [("A", "a"), ("EMPTY", ""), ("N", "5"), ("BRACE", "}{"), ("DOLLAR", "$A")];
    let mut all: BTreeMap<_, _> = plain.map(|(name, value)| (name.to_owned(), Variable { value: value.to_owned(), tainted: false })).into();
    all.insert("SECRET".to_owned(), Variable { value: "hunter2".to_owned(), tainted: true });
    all
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let mut budget = MAX_EXPANSION;
    assert_eq!(expand(text, &variables(), &mut budget).map(|expansion| expansion.text), Ok(expected.to_owned()), "{text}");
}

#[track_caller]
fn refused(text: &str, expected: &Failure) {
    let mut budget = MAX_EXPANSION;
    assert_eq!(expand(text, &variables(), &mut budget).as_ref(), Err(expected), "{text}");
}

#[test]
fn forms_of_a_variable() {
    for (form, unset, empty, set) in
        [("${V}", "", "", "a"), ("${V:-x}", "x", "x", "a"), ("${V-x}", "x", "", "a"), ("${V:+x}", "", "", "x"), ("${V+x}", "", "x", "x")]
    {
        check(&form.replace('V', "UNSET"), unset);
        check(&form.replace('V', "EMPTY"), empty);
        check(&form.replace('V', "A"), set);
    }
    check("$A-$A.$UNSET!", "a-a.!");
    check("${A:?m}${A?m}${EMPTY?m}", "aa");
    let required =
        |name: &str, reason: Option<&str>| Failure::Required { offset: 0, name: name.to_owned(), reason: reason.map(str::to_owned) };
    refused("${UNSET:?no $A}", &required("UNSET", Some("no a")));
    refused("${UNSET?}", &required("UNSET", None));
    refused("${EMPTY:?m}", &required("EMPTY", Some("m")));
}

#[test]
fn dollars_that_are_no_variable() {
    check("$$A $${A} $$$A", "$A ${A} $a");
    check("$1 $@ $(cat) $", "$1 $@ $(cat) $");
    check("100% ${DOLLAR}", "100% $A");
    for text in ["${}", "${1}", "${A/a/b}", "${A", "${A:x}", "${ A }", "${UNSET:-open", "${A:-two\nlines}"] {
        refused(text, &Failure::Invalid { offset: 0 });
    }
    refused("x ${UNSET:-y ${", &Failure::Invalid { offset: 2 });
}

#[test]
fn words_nest_and_the_first_operator_decides() {
    check("${UNSET:-${UNSET:-${A}}}", "a");
    check("${UNSET:-$UNSET${EMPTY:-deep}}-tail", "deep-tail");
    check("${UNSET:-x:-y?z}", "x:-y?z");
    check("${UNSET-a:-b}", "a:-b");
    check("${A:+${N}}${A:+{\"k\":1}}", "5{\"k\":1}");
    check("${UNSET:-{}}", "{}");
    check("${UNSET:-a} ${UNSET:-b} $$ ${A}", "a b $ a");
    check("${BRACE}${UNSET:-}", "}{");
    check("${UNSET:-$$x}", "$x");
}

#[test]
fn every_bound_is_named() {
    let nested = format!("{}x{}", "${U:-".repeat(40), "}".repeat(40));
    refused(&nested, &Failure::TooDeep { offset: 32 * 5 });
    let mut variables = variables();
    variables.insert("BIG".to_owned(), Variable { value: "x".repeat(1 << 20), tainted: false });
    let (mut documents, _) = parse("a: $BIG$BIG$BIG$BIG\nb: $BIG\n", crate::yaml::FileId(0));
    let diagnostics = interpolate(&mut documents[0], &variables, &mut { MAX_EXPANSION });
    assert_eq!(diagnostics.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(), ["the values of variables add more than 4194304 bytes"]);
}

#[track_caller]
fn document(text: &str, expected: &Json, messages: &str) {
    let mut sources = SourceMap::new();
    let file = sources.add("c.yaml", text, false);
    let (mut documents, errors) = parse(text, file);
    assert_eq!(errors, []);
    let diagnostics = interpolate(&mut documents[0], &variables(), &mut { MAX_EXPANSION });
    assert_eq!(render_plain(&diagnostics, &sources), messages);
    assert_eq!(to_json(&documents[0]), *expected);
}

#[test]
fn values_are_interpolated_and_cast_by_path_but_keys_are_not() {
    document(
        "services: {web: {image: $A, $A: '$A', scale: $N, cpus: '0.5', init: yes, tty: 'true', environment: {X: $N}, command: [$A]}}\n",
        &json!({"services": {"web": {"image": "a", "$A": "a", "scale": 5, "cpus": 0.5, "init": true, "tty": true,
            "environment": {"X": "5"}, "command": ["a"]}}}),
        "c.yaml:1:69: warning: services.web.init: \"yes\" for a boolean is not supported by YAML 1.2, please use `true`\n",
    );
}

#[test]
fn problems_carry_path_and_position_and_all_come_at_once() {
    document(
        "services:\n  web:\n    image: a${}\n    scale: x$A\n    command: ['a${UNSET}', '${UNSET:?set it}']\n    x-y: &x $U1$U1\n    x-z: *x\n",
        &json!({"services": {"web": {"image": "a${}", "scale": "xa", "command": ["a", "${UNSET:?set it}"], "x-y": "", "x-z": ""}}}),
        "c.yaml:3:13: services.web.image: invalid interpolation\n  help: write $$ for a dollar\n\
         c.yaml:4:12: services.web.scale: \"xa\" is not an integer\n\
         c.yaml:5:29: services.web.command[1]: required variable UNSET is missing a value: set it\n\
         c.yaml:5:17: warning: services.web.command[0]: The \"UNSET\" variable is not set. Defaulting to a blank string.\n\
         c.yaml:6:13: warning: services.web.x-y: The \"U1\" variable is not set. Defaulting to a blank string.\n\
         c.yaml:6:16: warning: services.web.x-y: The \"U1\" variable is not set. Defaulting to a blank string.\n",
    );
}

#[test]
fn a_secret_taints_and_is_never_shown() {
    let text = "services: {web: {scale: $SECRET, image: '${SECRET:+x}', command: '${UNSET:?is $SECRET}', hostname: p$SECRET, x-d: '${SECRET:-y}'}}\n";
    let mut sources = SourceMap::new();
    let file = sources.add("c.yaml", text, false);
    let (mut documents, _) = parse(text, file);
    let diagnostics = interpolate(&mut documents[0], &variables(), &mut { MAX_EXPANSION });
    let shown = render_plain(&diagnostics, &sources);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("services.web.scale: the value is not an integer"), "{shown}");
    assert!(shown.contains("required variable UNSET is missing a value\n"), "{shown}");
    let tainted = |key: &str| documents[0].at("services.web").and_then(|web| web.get(key)).map(|node| node.tainted);
    assert_eq!(tainted("hostname"), Some(true));
    assert_eq!(tainted("x-d"), Some(true));
    assert_eq!(tainted("image"), Some(false));
}

proptest::proptest! {
    #[test]
    fn text_without_a_dollar_never_changes(text in "[^$]{0,200}") {
        proptest::prop_assert_eq!(expand(&text, &variables(), &mut { MAX_EXPANSION }), Ok(Expansion { text, ..Expansion::default() }));
    }

    #[test]
    fn any_text_is_expanded_or_refused_without_a_panic(text in "([$:{}?+\\-AUé\n ]|\\$\\{|\\$\\{U:-){0,60}") {
        let _ = expand(&text, &variables(), &mut { MAX_EXPANSION });
    }

    #[test]
    fn doubled_dollars_give_the_text_back(text in "[$A-Z{}:?a-z -]{0,80}") {
        let escaped = text.replace('$', "$$");
        proptest::prop_assert_eq!(expand(&escaped, &variables(), &mut { MAX_EXPANSION }).map(|e| e.text), Ok(text));
    }
}
