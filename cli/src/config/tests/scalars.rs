//! Every scalar arrives as it was written, wherever it stands; ambiguous ones are refused.

use super::*;
use crate::config::tree::Value;

/// Texts that some reader of YAML makes something else of.
const TEXTS: [&str; 32] = [
    "1.10",
    "0755",
    "0o17",
    "0x1F",
    "1_000",
    "1e3",
    "1E400",
    ".5",
    "5.",
    "+1",
    "-0",
    "1.0",
    "00",
    "012",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "True",
    "FALSE",
    "2024-01-02",
    "12:30:45",
    "1.2.3",
    ".inf",
    ".nan",
    "1,000",
    "0b11",
    "12e03",
    "1.10.0-rc.1",
    "NO",
    "1__0",
];

fn first_env(text: &str, format: Format) -> String {
    let file = ConfigFile::parse(PathBuf::from("haloy"), text.to_owned(), format, true)
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let targets = file.resolve(&file.names()).unwrap_or_else(|error| panic!("{text}: {error}"));
    targets[0].env[0].value.clone()
}

#[test]
fn yaml_gives_the_text_as_it_stands_wherever_it_stands() {
    for text in TEXTS {
        for shape in [
            "env:\n  - name: N\n    value: @\n",
            "env: [{name: N, value: @}]\n",
            "env: [{name: N, value: '@'}]\n",
            "env: [{name: N, value: \"@\"}]\n",
            "env: [{name: N, value: !!str @}]\n",
            "env: [{name: N, value: ! @}]\n",
            "x-v: &v @\nenv: [{name: N, value: *v}]\n",
            "x-v: &v {name: N, value: @}\nenv: [*v]\n",
            "x-v: &v {value: @}\nenv:\n  - <<: *v\n    name: N\n",
            "x-v: &v {value: @}\nx-w: &w {name: other, value: 2}\nenv:\n  - name: N\n    <<: [*v, *w]\n",
            "x-v: &v\n  env: [{name: N, value: @}]\n<<: *v\n",
            "env:\n  - name: N\n    value:\n      @\n",
            "env:\n  - name: N\n    value: @ # of a comment\n",
            "env:\n  - name: N\n    value: >-\n      @\n",
            "env:\n  - name: N\n    value: |-\n      @\n",
            "? env\n: - {? name : N, ? value : @}\n",
        ] {
            // In flow style a comma ends a value.
            if text.contains(',') && shape.contains(['{', '[']) && !shape.contains(['\'', '"']) {
                continue;
            }
            let file = format!("{APP}{}", shape.replace('@', text));
            for file in [file.clone(), format!("\u{feff}{file}"), file.replace('\n', "\r\n")] {
                let file = text::decode(file.as_bytes()).expect("UTF-8");
                assert_eq!(first_env(&file, Format::Yaml), text, "{file:?}");
            }
        }
    }
}

#[test]
fn toml_and_json_give_the_text_as_it_stands() {
    for text in ["1.10", "1_000", "0x1F", "0o17", "0b11", "1e3", "+1", "inf", "-0.0", "2024-01-02", "true"] {
        let toml = format!("name = \"app\"\nimage = \"a/b:v1\"\n[[env]]\nname = \"N\"\nvalue = {text} # c\n");
        assert_eq!(first_env(&toml, Format::Toml), text);
        let inline =
            format!("name = \"app\"\nimage = \"a/b:v1\"\nenv = [{{name = \"N\", value = {text}}}]\n");
        assert_eq!(first_env(&inline, Format::Toml), text);
    }
    for text in ["1.10", "1e3", "-0.0", "100000000000000000000000", "1E400", "true"] {
        let json = format!(
            "{{\"name\":\"app\",\t\"image\":\"a/b:v1\",\n\t\"env\":[{{\"name\":\"N\",\"value\":{text}}}]}}"
        );
        assert_eq!(first_env(&json, Format::Json), text);
    }
    let json =
        r#"{"name":"app","image":"a/b:v1","env":[{"name":"N","value":"\ud83c\udfb5 a\/b \"\\ \u00e9  x"}]}"#;
    assert_eq!(first_env(json, Format::Json), "\u{1f3b5} a/b \"\\ \u{e9}  x");
}

#[test]
fn a_tag_arrives_as_written() {
    for (file, reference) in [
        ("x-v: &v 1.10\nimage: {repository: a/b, tag: *v}\n", "a/b:1.10"),
        ("x-base: &b {tag: 0755}\nimage:\n  <<: *b\n  repository: a/b\n", "a/b:0755"),
        ("image: {repository: a/b, tag: 1_000}\n", "a/b:1_000"),
        ("image: {repository: a/b, tag: 2024-01-02}\n", "a/b:2024-01-02"),
        ("image: {repository: a/b, tag: 20240102}\n", "a/b:20240102"),
        ("image: {repository: a/b, tag: 1e3}\n", "a/b:1e3"),
        ("image: {repository: a/b, tag: yes}\n", "a/b:yes"),
        ("image: {repository: a/b, tag: True}\n", "a/b:True"),
    ] {
        for file in [format!("name: app\n{file}"), format!("\u{feff}name: app\n{file}")] {
            let file = text::decode(file.as_bytes()).expect("UTF-8");
            assert_eq!(resolved(&file)[0].config.image.reference.as_str(), reference, "{file}");
        }
    }
}

#[test]
fn a_key_with_nothing_after_it_is_a_mistake_unless_it_is_a_list() {
    let image = |rest: &str| format!("name: app\nimage:\n  repository: a/b\n{rest}");
    for (file, told) in [
        (image("  tag:\n"), "haloy.yaml:4:3: `tag` has nothing after it"),
        (image("  tag: ~\n"), "`tag` is `~`, which means nothing"),
        (image("  tag: null\n"), "write `tag: \"null\"` if that is its text"),
        (image("  tag: ''\n"), "`tag` is empty"),
        (image("x-none: &n\nreplicas: *n\n"), "`replicas` has nothing after it"),
        (image("network:\n"), "delete the line for the default (haloy)"),
        (image("port:\n"), "`port` has nothing after it"),
        (image("protected:\n"), "`protected` has nothing after it"),
        (image("resources:\n"), "`resources` has nothing after it"),
        (image("targets:\n"), "`targets` has nothing after it"),
        (image("env: [{name: A, value: }]\n"), "for an empty text, `value: \"\"`"),
        (image("env:\n  - name: A\n    value: null\n"), "`value` is `null`"),
        (image("env:\n  - name:\n    value: x\n"), "`name` has nothing after it"),
        (image("env: [{name: A, from: }]\n"), "`from` has nothing after it"),
        (image("env: [{name: A, from: {env: }}]\n"), "`env` has nothing after it"),
        (image("env: [~]\n"), "`env` is empty, and must be a table"),
        (image("volumes: [~]\n"), "`volumes` is nothing, and must be text"),
        ("name: app\nimage:\n".to_owned(), "`image` has nothing after it"),
        ("name:\nimage: a/b\n".to_owned(), "`name` has nothing after it"),
        (
            image("domains: [a.example]\ntargets:\n  one:\n    domains:\n"),
            "write `domains: []` for none, or delete the line",
        ),
    ] {
        let said = mistakes(&file);
        assert!(said.contains(told), "{file}\n{said}");
        assert_eq!(said.matches("haloy.yaml:").count(), 1, "one mistake is told once: {said}");
    }
    let [target] = resolved(&image("  tag: v1\nenv:\n#  - name: A\ndomains:\nvolumes:\npre_deploy:\nx-v:\n"))
        .try_into()
        .expect("one");
    assert!(target.env.is_empty() && target.config.domains.is_empty() && target.config.volumes.is_empty());
}

#[test]
fn numbers_that_two_readers_take_for_two_are_refused() {
    for (value, told) in [
        ("0010", "write it without the zero: `replicas: 10`"),
        ("0x10", "write it in decimal digits: `replicas: 16`"),
        ("0o10", "write it in decimal digits: `replicas: 8`"),
        ("1_0", "write `replicas: 10`"),
        ("1e1", "must be a whole number"),
        ("3.0", "write `replicas: 3`"),
        ("3.5", "must be a whole number"),
        ("99999999999999999999", "must be between 1 and 100"),
        ("-1", "must be between 1 and 100"),
        ("[3]", "is a list, and must be a whole number"),
    ] {
        let said = mistakes(&format!("{APP}replicas: {value}\n"));
        assert!(said.contains(told), "{value}: {said}");
    }
    assert_eq!(first_env(&format!("{APP}env:\n  - name: N\n    value: !!str\n"), Format::Yaml), "");
    assert_eq!(first_env(&format!("{APP}env: [{{name: N, value: !!str ~}}]\n"), Format::Yaml), "~");
    for value in ["3", "'3'", "\"3\"", "!!int 3", "!!int '3'"] {
        assert_eq!(resolved(&format!("{APP}replicas: {value}\n"))[0].config.replicas, 3, "{value}");
    }
    for (value, told) in
        [("yes", "write `protected: true`"), ("'false'", "write `protected: false`"), ("x", "is text")]
    {
        let said = mistakes(&format!("{APP}protected: {value}\n"));
        assert!(said.contains(told), "{value}: {said}");
    }
    for value in ["true", "True", "TRUE", "!!bool true"] {
        assert!(resolved(&format!("{APP}protected: {value}\n"))[0].config.protected, "{value}");
    }
}

#[test]
fn what_cannot_be_a_tree_says_why() {
    let tower = (0..40).fold("x-0: &a0 [1, 1]\n".to_owned(), |text, n| {
        format!("{text}x-{0}: &a{0} [*a{n}, *a{n}]\n", n + 1)
    });
    for (text, told) in [
        ("a: 1\n---\nb: 2\n", "haloy.yaml:2:1: a second document begins here"),
        ("a: *b\n", "no `&` before this gives the name"),
        ("x-a: &a [*a]\n", "this alias stands for what it is part of"),
        (tower.as_str(), "once its aliases are replaced"),
        ("a: !secret x\n", "the tag `!secret` means nothing in this file"),
        ("a: !!binary aGk=\n", "the tag `!!binary` means nothing"),
        ("a: !!int x\n", "`x` is tagged as `!!int`, which it is not"),
        ("[a, b]: 1\n", "a key must be text, and this is a list"),
        (": 1\n", "there is no key before this `:`"),
        ("<<: 1\n", "`<<` takes a table or a list of tables, and this is a number"),
        ("a: @x\n", "text cannot begin with `@`; put it in quotes"),
        ("a: \"x\n", "the quote that opens here is never closed"),
        ("a: b: c\n", "a `:` stands where no key is"),
        ("a: \"\\q\"\n", "an unknown `\\` escape in double quotes"),
    ] {
        let said = mistakes(text);
        assert!(said.contains(told), "{text:?}: {said}");
    }
    let deep = format!("a: {}{}\n", "[".repeat(200), "]".repeat(200));
    assert!(mistakes(&deep).contains("nested more than 64 deep"));
    let deep = (0..30)
        .fold("x-0: &a0 [1]\n".to_owned(), |text, n| format!("{text}x-{0}: &a{0} [[[[*a{n}]]]]\n", n + 1));
    assert!(mistakes(&deep).contains("nested more than 64 deep"));
}

#[test]
fn keys_are_told_apart_as_they_are_written() {
    assert!(
        mistakes(&format!("{APP}name: again\n")).contains("`name` is in the file twice; first in line 1")
    );
    assert!(mistakes(&format!("{APP}targets: {{a: {{}}, a: {{}}}}\n")).contains("`a` is in `targets` twice"));
    let both = r#"{"name":"a","image":"b","minReadySeconds":1,"min_ready_seconds":2}"#;
    let wrong = ConfigFile::parse(PathBuf::from("haloy.json"), both.to_owned(), Format::Json, true);
    assert!(wrong.expect_err("twice").to_string().contains("`min_ready_seconds` is in the file twice"));
    // A quoted `<<` merges nothing, and what is merged never takes the place of what is written.
    assert!(mistakes(&format!("{APP}'<<': {{replicas: 2}}\n")).contains("unknown key `<<`"));
    let merged = resolved(&format!("{APP}x-a: &a {{replicas: 2, port: 1}}\nreplicas: 3\n<<: *a\n"));
    assert_eq!((merged[0].config.replicas, merged[0].config.port), (3, 1));
    let file = parse(&format!("{APP}targets: {{1.10: , 0755: {{}}, null: , ~: }}\n")).expect("reads");
    let names: Vec<String> = file.names().into_iter().map(|named| named.target).collect();
    assert_eq!(names, ["1.10", "0755", "null", "~"]);
}

#[test]
fn a_dollar_that_is_doubled_is_text() {
    for (value, arrives) in [
        ("$${A}", "${A}"),
        ("x$${A}y${A}", "x${A}yvalue"),
        ("$$${A}", "$value"),
        ("$$$${A}", "$${A}"),
        ("$$", "$$"),
        ("$A $$A", "$A $$A"),
        ("${OTHER} $${OTHER}", "${OTHER} ${OTHER}"),
        ("$${${A}}", "${value}"),
        ("${A", "${A"),
    ] {
        let file = format!("{APP}env: [{{name: A, value: value}}, {{name: B, value: '{value}'}}]\n");
        assert_eq!(resolved(&file)[0].env[1].value, arrives, "{value}");
    }
    // What one entry says literally stays so in those that refer to it.
    let file = format!("{APP}env: [{{name: A, value: '$${{B}}'}}, {{name: B, value: '<${{A}}>'}}]\n");
    assert_eq!(resolved(&file)[0].env[1].value, "<${B}>");
}

#[test]
fn references_that_stand_for_more_and_more_are_refused() {
    let mut file = format!("{APP}env:\n  - {{name: V0, value: {}}}\n", "x".repeat(64));
    for n in 1..40 {
        file.push_str(&format!("  - {{name: V{n}, value: '${{V{0}}}${{V{0}}}'}}\n", n - 1));
    }
    assert!(mistakes(&file).contains("makes a value of more than 131072 bytes"));
}

#[test]
fn shared_anchors_lie_behind_x_at_the_top_only() {
    assert_eq!(resolved(&format!("x-anything: [1, {{a: b}}]\n{APP}x-: 1\n")).len(), 1);
    assert!(
        mistakes(&format!("{APP}targets: {{a: {{x-b: 1}}}}\n")).contains("unknown key `x-b` in target `a`")
    );
    let schema = crate::config::schema();
    assert!(schema["patternProperties"]["^x-"].is_object(), "{schema}");
    assert!(schema["properties"].get("x-*").is_none());
}

#[test]
fn files_are_text_in_utf_8() {
    let bad = text::decode(b"A=1\nB=\xe9\n").expect_err("latin-1");
    assert_eq!((bad.line, bad.cause.contains("0xE9")), (2, true), "{bad:?}");
    assert!(text::decode(b"\xff\xfeA\0").expect_err("UTF-16").cause.contains("UTF-16"));
    assert_eq!(text::decode("\u{feff}A=1".as_bytes()).expect("a BOM"), "A=1");
    assert_eq!(text::decode(b"").expect("nothing"), "");
}

/// The kinds of the core schema of YAML 1.2.
#[test]
fn plain_scalars_are_what_yaml_1_2_says() {
    let kind = |text: &str| {
        let tree = formats::parse(&format!("a: {text}\n"), Format::Yaml).expect("a tree");
        match tree.value {
            Value::Map(mut entries) => entries.remove(0).1.value.kind(),
            _other => "no table",
        }
    };
    for (texts, expected) in [
        (["", "~", "null", "Null", "NULL"].as_slice(), "nothing"),
        (&["true", "True", "TRUE", "false", "False", "FALSE"], "true or false"),
        (&["0", "-1", "+12", "0o7", "0xF", "012"], "a number"),
        (&["1.", ".5", "1.5e+3", "-.inf", ".NaN", "1e3", "+.5"], "a number"),
        (&["nUll", "tRue", "yes", "on", "0b1", "1_0", "0o8", "0xG", "0x", "1e", "+", "-.nan", "."], "text"),
        (&["'1'", "\"true\"", "2024-01-02", "1:30", "1.2.3"], "text"),
    ] {
        for text in texts {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
