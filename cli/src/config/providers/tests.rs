//! What a reference finds, and the message where it finds nothing.

use super::*;

fn providers(text: &str) -> (Providers, Vec<String>) {
    let root = crate::config::formats::parse(text, crate::config::formats::Format::Yaml).expect("yaml");
    let mut m = Mistakes::default();
    let providers = Providers::read(&root, &mut m);
    (providers, m.0.into_iter().map(|problem| problem.message).collect())
}

#[test]
fn a_reference_that_finds_nothing_says_what_there_is() {
    let (known, mistakes) = providers(
        "sops: {app: {file: a.yaml}, other: {file: b.json}}\nonepassword: {app: {vault: v, item: i}}\n",
    );
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let no = |reference: &str| known.get(reference, Path::new("/nowhere")).expect_err(reference).to_string();
    assert!(no("password").contains("is not `provider:source:key`"));
    assert!(no("sops:app").contains("is not `provider:source:key`"));
    assert!(no("sops:app:").contains("names no key"));
    assert!(no("spos:app:a").contains("no provider `spos`; did you mean `sops`?"), "{}", no("spos:app:a"));
    let told = no("sops:ap:a");
    assert!(told.contains("has no `ap`; did you mean `app`? it has app, other"), "{told}");
    // A key may have the sign in it.
    assert!(no("sops:app:a:b").contains("/nowhere/a.yaml"), "{}", no("sops:app:a:b"));
}

#[test]
fn what_a_source_needs() {
    let text = "sops:\n  a: {}\n  b: {file: secrets}\n  c: {file: -x.yaml}\n  'd:e': {file: a.yaml}\n\
                onepassword:\n  a: {vault: v}\n  b: {vault: --v, item: i}\n";
    let (_, mistakes) = providers(text);
    for told in [
        "source `a` of `sops` needs `file`",
        "the ending of `secrets` does not say how it is written",
        "`file` begins with `-`, as an option does",
        "source `d:e` of `sops` cannot have that name",
        "source `a` of `onepassword` needs `item`",
        "`vault` begins with `-`, as an option does",
    ] {
        assert!(mistakes.iter().any(|message| message == told), "{told}: {mistakes:?}");
    }
}

#[test]
fn what_a_program_says_is_told_without_values() {
    let asked = BTreeMap::from([(0, Ok(Values::from([("a".to_owned(), Ok("hunter2-first".to_owned()))])))]);
    let told = without_secrets(
        "one\ntwo hunter2-first\nthree\n\nfour {\"password\": \"canary-second\"}\nfive\n",
        "{\"password\":\"canary-second\"}",
        &asked,
    );
    assert!(!told.contains("hunter2") && !told.contains("canary") && !told.contains("one"), "{told}");
    assert!(told.starts_with(": two ***; three; four") && told.ends_with("; five"), "{told}");
}
